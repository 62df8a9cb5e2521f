echo "load at most ${limit} rows of ${rows}"
