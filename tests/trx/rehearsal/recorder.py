"""Write every frame of an interface to a pcap, until killed: tcpdump(8) for a user namespace.

tcpdump gives root's rights away at its start, which a user namespace does not let it do.
"""

import socket
import struct
import sys
import time
from pathlib import Path

_ETH_P_ALL = 3


def main(interface: str, target: str) -> None:
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as raw,
        Path(target).open("wb", buffering=0) as file,
    ):
        raw.bind((interface, _ETH_P_ALL))
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        while True:
            frame = raw.recv(65535)
            seconds, rest = divmod(time.time_ns(), 1_000_000_000)
            file.write(struct.pack("<IIII", seconds, rest, len(frame), len(frame)) + frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
