#!/usr/bin/env bash
# Picks the days of one year out of the records and hands them on as the output `records`: a JSON array with one
# array per day, in the order of the file's columns.
set -euo pipefail

records=$(awk -F, -v year="$year" '
  NR == 1 {
    if ($0 != "date,precipitation,temp_max,temp_min,wind,weather") { print "unexpected columns: " $0 > "/dev/stderr"; failed = 1; exit 1 }
    next
  }
  substr($1, 1, 4) == year { printf "%s[\"%s\",%s,%s,%s,%s,\"%s\"]", separator, $1, $2, $3, $4, $5, $6; separator = "," }
' seattle-weather.csv)

echo "records=[$records]" >> "$PELORUS_OUTPUT"
echo "picked the days of $year: ${#records} bytes"
