#!/bin/sh
# Tell what `vibforge plan --host` wants to know of this ESXi host, as JSON on standard output.
# Run it in the host's shell:  sh host-facts.sh >facts.json
# It reads and changes nothing; what a host cannot tell is written as null.
set -u

collector=1
esximage_db=${ESXIMAGE_DB:-/var/db/esximg/vibs}
secure_boot_script=${SECUREBOOT_SCRIPT:-/usr/lib/vmware/secureboot/bin/secureBoot.py}
altbootbank=${ALTBOOTBANK:-/altbootbank}

# Print the JSON of an esxcli command, or null where the command fails or says nothing.
ask() {
    answer=$(esxcli --formatter=json "$@" 2>/dev/null) || answer=
    printf '%s' "${answer:-null}"
}

# Print standard input as a JSON string; line breaks and tabs become blanks.
quote() {
    printf '"'
    tr '\n\r\t' '   ' | tr -d '\000-\037' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | tr -d '\n'
    printf '"'
}

secure_boot() {
    [ -x "$secure_boot_script" ] || { printf null; return; }
    "$secure_boot_script" -s 2>/dev/null | quote
}

alternative_bootbank() {
    [ -e "$altbootbank" ] || { printf null; return; }
    readlink -f "$altbootbank" | quote
}

descriptors() {
    separator=
    printf '['
    for file in "$esximage_db"/*.xml; do
        [ -f "$file" ] || continue
        printf '%s\n' "$separator"
        quote <"$file"
        separator=,
    done
    printf ']'
}

command -v esxcli >/dev/null || {
    echo "host-facts.sh: there is no esxcli here; run this in the shell of an ESXi host" >&2
    exit 1
}

printf '{\n"format": "vibforge/host-facts/1",\n"collector": %s,\n"collected": {\n' "$collector"
printf '"version": %s,\n' "$(ask system version get)"
printf '"acceptance": %s,\n' "$(ask software acceptance get)"
printf '"secure_boot": %s,\n' "$(secure_boot)"
printf '"trusted_boot": %s,\n' "$(ask hardware trustedboot get)"
printf '"maintenance_mode": %s,\n' "$(ask system maintenanceMode get)"
printf '"boot_device": %s,\n' "$(ask system boot device get)"
printf '"platform": %s,\n' "$(ask hardware platform get)"
printf '"filesystems": %s,\n' "$(ask storage filesystem list)"
printf '"altbootbank": %s,\n' "$(alternative_bootbank)"
printf '"rebooting_vibs": %s,\n' "$(ask software vib list --rebooting-image)"
printf '"vibs": %s,\n' "$(ask software vib list)"
printf '"descriptors": '
descriptors
printf '\n}\n}\n'
