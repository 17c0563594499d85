#!/bin/sh
# Tell what `vibforge plan --host` and `vibforge host-check` want to know of this ESXi host, as JSON
# on standard output. In the host's shell, or over ssh:
#
#   sh host-facts.sh [NAME | /PATH]... >facts.json
#   ssh root@HOST sh -s [NAME | /PATH]... <host-facts.sh >facts.json
#
# Digests are taken of the files of all VIBs that are not from VMware, of the VIBs called NAME, and of
# each /PATH. The script only reads: it writes no file, not even a temporary one, and sends nothing.
# What a host cannot tell, or a command that its release lacks, is written as null.
set -u
LC_ALL=C
export LC_ALL

collector=2
root=${HOST_ROOT:-}
esximage_db=${ESXIMAGE_DB:-/var/db/esximg/vibs}
secure_boot_script=${SECUREBOOT_SCRIPT:-/usr/lib/vmware/secureboot/bin/secureBoot.py}
altbootbank=${ALTBOOTBANK:-/altbootbank}
trx_log=/var/run/log/trx.log

answer_limit=2097152    # characters of one command's answer
descriptors_limit=10485760
file_count_limit=2000
file_limit=67108864     # bytes of a file whose digest is taken
hashed_limit=536870912  # bytes of all of them
log_limit=65536         # bytes from the end of trx.log

# Write text as JSON, in ASCII and valid UTF-8; a byte that is neither becomes \udcXX.
#   as_json string       standard input as one string
#   as_json lines        a list of its lines, each cut after 1000 bytes
#   as_json strings F…   a list of one string for each file
#   as_json json         standard input is JSON already: mend its bytes only
as_json() {
    mode=$1
    shift
    command -v awk >/dev/null || { printf null; return; }
    awk -v mode="$mode" -v most="$descriptors_limit" '
        # Print the character at a place that JSON does not take as it is; return its bytes.
        function escape(line, at,    char, byte, count, i, low, high, next_byte) {
            char = substr(line, at, 1)
            if (char == "\"" || char == "\\") {
                printf "\\%s", char
                return 1
            }
            byte = code[char]
            if (byte < 128) {
                if (mode == "json") printf " "; else printf "\\u%04x", byte
                return 1
            }
            count = byte < 194 ? 0 : byte < 224 ? 1 : byte < 240 ? 2 : byte < 245 ? 3 : 0
            for (i = 1; i <= count; i++) {
                next_byte = code[substr(line, at + i, 1)]
                low = i > 1 ? 128 : byte == 224 ? 160 : byte == 240 ? 144 : 128
                high = i > 1 ? 191 : byte == 237 ? 159 : byte == 244 ? 143 : 191
                if (next_byte < low || next_byte > high) count = 0
            }
            if (count) printf "%s", substr(line, at, count + 1); else printf "\\udc%02x", byte
            return count + 1
        }
        function say(line,    at, end, piece) {
            end = length(line)
            for (at = 1; at <= end; ) {
                piece = substr(line, at, 2048)
                if (!match(piece, odd)) {
                    printf "%s", piece
                    at += 2048
                    continue
                }
                printf "%s", substr(piece, 1, RSTART - 1)
                at += RSTART - 1
                at += escape(line, at)
            }
        }
        BEGIN {
            for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i
            odd = mode == "json" ? "[^ -~]" : "[\"\\\\]|[^ -~]"
            if (mode == "string") printf "\""
            if (mode == "lines" || mode == "strings") printf "["
        }
        (total += length($0) + 1) > most { exit }
        mode == "json" { say($0); printf "\n" }
        mode == "string" { if (NR > 1) printf "\\n"; say($0) }
        mode == "lines" { printf (NR > 1 ? ",\n\"" : "\n\""); say(substr($0, 1, 1000)); printf "\"" }
        mode == "strings" {
            if (FNR > 1) printf "\\n"; else printf (begun++ ? "\",\n\"" : "\n\"")
            say($0)
        }
        END {
            if (mode == "string" || begun) printf "\""
            if (mode == "lines" || mode == "strings") printf "]"
        }' "$@"
}

# Print a text as a JSON string, or null where there is none.
text() {
    [ -n "$1" ] || { printf null; return; }
    printf '%s\n' "$1" | as_json string
}

# Print lines as a JSON list of strings, or null where there is none.
lines() {
    [ -n "$1" ] || { printf null; return; }
    printf '%s\n' "$1" | as_json lines
}

# Print what a command said if it looks like JSON, else null.
json() {
    [ "${#1}" -le "$answer_limit" ] || { printf null; return; }
    case $1 in
        '{'*'}' | '['*']' | '"'*'"') ;;
        *) printf null; return ;;
    esac
    if command -v awk >/dev/null; then
        printf '%s\n' "$1" | as_json json
    else
        printf '%s' "$1"
    fi
}

# Commands get no standard input: over ssh that is this script.
ask() {
    answer=$(esxcli --formatter=json "$@" 2>/dev/null </dev/null) || answer=
    json "$answer"
}

secure_boot() {
    [ -x "$secure_boot_script" ] || { printf null; return; }
    text "$("$secure_boot_script" -s 2>/dev/null </dev/null)"
}

alternative_bootbank() {
    [ -e "$altbootbank" ] || { printf null; return; }
    text "$(readlink -f "$altbootbank" 2>/dev/null)"
}

# Run a command with all descriptors of installed VIBs behind its arguments.
with_descriptors() {
    for file in "$esximage_db"/*.xml; do
        [ -f "$file" ] && set -- "$@" "$file"
    done
    "$@"
}

descriptors() {
    [ "$#" -gt 1 ] || { printf '[]'; return; }
    as_json "$@"
}

# Print the paths in the file lists of the VIBs that are asked for or not from VMware.
package_files() {
    [ "$#" -gt 0 ] || return
    command -v awk >/dev/null || return
    WANTED=$wanted awk '
        function tell(    i) {
            if (vendor !~ /^(VMware|VMW|VMware, Inc\.)$/ || index(ENVIRON["WANTED"], " " name " "))
                for (i = 1; i <= count; i++) print "/" files[i]
            count = 0
            name = vendor = ""
        }
        BEGIN { RS = "<" }
        FNR == 1 { tell() }
        /^vendor>/ { vendor = substr($0, 8) }
        /^name>/ && name == "" { name = substr($0, 6) }
        /^file>/ {
            path = substr($0, 6)
            gsub(/^[ \t\r\n]+|[ \t\r\n]+$/, "", path)
            gsub(/&lt;/, "<", path)
            gsub(/&gt;/, ">", path)
            gsub(/&quot;/, "\"", path)
            gsub(/&apos;/, "\047", path)
            gsub(/&amp;/, "\\&", path)
            if (path != "" && path !~ /\n/) files[++count] = path
        }
        END { tell() }' "$@" 2>/dev/null
}

# Print the paths whose digests are taken, each once, with those to which boot-copy copies them.
wanted_files() {
    printf '%s\n' "$paths"
    with_descriptors package_files
}

each_once() {
    if ! command -v awk >/dev/null; then
        while IFS= read -r path; do printf '%s\n' "$path"; done
        return
    fi
    awk -v most="$file_count_limit" '
        function tell(path) {
            gsub(/\/\/+/, "/", path)
            if (path == "" || seen[path]++) return
            print path
            if (++count > most) exit
        }
        { tell($0) }
        (at = index($0, "/boot-copy/files/")) { tell(substr($0, at + 16)) }'
}

# Print a number that a command told, or null.
number() {
    case $1 in
        '' | *[!0-9]* | ????????????????*) printf null ;;
        0?*) printf null ;;
        *) printf '%s' "$1" ;;
    esac
}

digest_of() {
    command -v sha256sum >/dev/null || { printf null; return; }
    digest=$({ sha256sum <"$1"; } 2>/dev/null)
    digest=${digest%% *}
    case $digest in
        *[!0-9a-f]*) digest= ;;
    esac
    if [ "${#digest}" -eq 64 ]; then printf '"%s"' "$digest"; else printf null; fi
}

size_of() {
    size=$(stat -c %s "$1" 2>/dev/null </dev/null) || size=$({ wc -c <"$1"; } 2>/dev/null)
    printf '%s' "$size"
}

# Print the digest of a file of a size, or null where the files so far were too many bytes.
digest_within_limits() {
    case $2 in
        '' | *[!0-9]* | ????????????*) printf null; return ;;
    esac
    if [ "$2" -le "$file_limit" ] && [ $((hashed + $2)) -le "$hashed_limit" ]; then
        digest_of "$1"
    else
        printf null
    fi
}

# Print mode, bytes and date of a file as members of a JSON object.
status_members() {
    status=$(stat -c '%a %s %Y' "$1" 2>/dev/null </dev/null) || status="? $(size_of "$1") ?"
    permissions=${status%% *}
    status=${status#* }
    case $permissions in
        *[!0-7]* | ?????*) permissions=null ;;
        *) permissions="\"$permissions\"" ;;
    esac
    printf '"mode": %s, "size": %s, "modified": %s' "$permissions" "$(number "${status% *}")" \
        "$(number "${status#* }")"
}

# Print the members of a JSON object about a file; never opens a device, a pipe or /proc.
file_members() {
    case $1/ in
        */../* | /dev/* | /proc/* | /vmfs/devices/*) printf '"kind": "not looked at"'; return ;;
    esac
    file=$root$1
    if [ -L "$file" ]; then
        printf '"kind": "link", "link": %s' "$(text "$(readlink "$file" 2>/dev/null)")"
    elif [ -f "$file" ]; then
        printf '"kind": "file", '
        status_members "$file"
        size=$(size_of "$file")
        printf ', "sha256": %s' "$(digest_within_limits "$file" "$size")"
        case $size in
            '' | *[!0-9]* | ????????????*) ;;
            *) [ "$size" -gt "$file_limit" ] || hashed=$((hashed + size)) ;;
        esac
    elif [ -d "$file" ]; then
        printf '"kind": "folder"'
    elif [ -e "$file" ]; then
        printf '"kind": "other"'
    else
        printf '"kind": "missing"'
    fi
}

# Print the files, each with its copy .#NAME, in which ESXi keeps an edited sticky file.
files() {
    hashed=0 count=0 cut=false separator=
    printf '"files": ['
    while IFS= read -r path; do
        count=$((count + 1))
        [ "$count" -le "$file_count_limit" ] || { cut=true; break; }
        printf '%s\n{"path": %s, ' "$separator" "$(text "$path")"
        file_members "$path"
        printf ', "sticky_copy": {'
        file_members "${path%/*}/.#${path##*/}"
        printf '}}'
        separator=,
    done
    printf '],\n"files_cut": %s,\n' "$cut"
}

# Print the parts of the host's configuration about time and services, as vim-cmd writes them.
host_configuration() {
    command -v vim-cmd >/dev/null || { printf null; return; }
    lines "$(vim-cmd hostsvc/hostconfig 2>/dev/null </dev/null | awk '
        !within && /^ *(dateTimeInfo|service) = \(vim\.host\.(DateTimeInfo|ServiceInfo)\)/ {
            match($0, /^ */)
            within = 1
            indent = RLENGTH
            begin = NR
        }
        within && ++count <= 600 { print }
        within && NR > begin && match($0, /^ *\}/) && RLENGTH <= indent + 1 { within = 0 }' 2>/dev/null)"
}

config_store() {
    command -v configstorecli >/dev/null || { printf null; return; }
    answer=$(configstorecli config current get -c esx -g system -k system_time 2>/dev/null \
        </dev/null) || answer=
    json "$answer"
}

# Print the command lines of up to 20 processes of PTP.
processes() {
    all=$(ps -c 2>/dev/null) || all=$(ps 2>/dev/null)
    [ -n "$all" ] || { printf null; return; }
    printf '%s\n' "$all" | awk '/ptpd|ptp4l|phc2sys|trx/ && ++count <= 20' 2>/dev/null | as_json lines
}

last_lines() {
    [ -f "$root$trx_log" ] || { printf null; return; }
    size=$(size_of "$root$trx_log")
    tail_text=$(tail -c "$log_limit" "$root$trx_log" 2>/dev/null </dev/null)
    case $size in
        '' | *[!0-9]* | ?????????????*) size= ;;
        *) [ "$size" -le "$log_limit" ] || tail_text=$(printf '%s\n' "$tail_text" | sed 1d) ;;
    esac
    printf '{"path": %s, "size": %s, "modified": %s, "lines": %s}' "$(text "$trx_log")" \
        "$(number "$size")" "$(number "$(stat -c %Y "$root$trx_log" 2>/dev/null </dev/null)")" \
        "$(lines "$tail_text")"
}

say() {
    printf '"%s": ' "$1"
    shift
    "$@"
    printf ',\n'
}

command -v esxcli >/dev/null || {
    echo "host-facts.sh: there is no esxcli here; run this in the shell of an ESXi host" >&2
    exit 1
}

wanted=' '
paths=/etc/vmware/trx.conf
for argument in "$@"; do
    case $argument in
        /*) paths="$paths
$argument" ;;
        *) wanted="$wanted$argument " ;;
    esac
done

printf '{\n"format": "vibforge/host-facts/1",\n"collector": %s,\n"collected": {\n' "$collector"
say time_of_day text "$(date -u +%Y-%m-%dT%H:%M:%SZ 2>/dev/null)"
say host_name text "$(hostname 2>/dev/null)"
say version ask system version get
say acceptance ask software acceptance get
say secure_boot secure_boot
say trusted_boot ask hardware trustedboot get
say encryption ask system settings encryption get
say exec_installed_only_boot ask system settings kernel list -o execInstalledOnly
say exec_installed_only_runtime ask system settings advanced list -o /User/execInstalledOnly
say maintenance_mode ask system maintenanceMode get
say boot_device ask system boot device get
say platform ask hardware platform get
say filesystems ask storage filesystem list
say altbootbank alternative_bootbank
say rebooting_vibs ask software vib list --rebooting-image
say vibs ask software vib list
wanted_files | each_once | files
say time ask system time get
say hardware_clock ask hardware clock get
say ntp ask system ntp get
say ptp ask system ptp get
say ptp_stats ask system ptp stats get
say system_time config_store
say host_configuration host_configuration
say processes processes
say trx_log last_lines
printf '"descriptors": '
with_descriptors descriptors strings
printf '\n}\n}\n'
