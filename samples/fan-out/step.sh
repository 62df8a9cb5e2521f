#!/usr/bin/env bash
# One step: leave a mark that it started, then sleep. The mark is what a crash test counts: two marks of one task
# would be two executions.
set -eu
if [ -n "$marks" ]; then printf '%s\n' "$PELORUS_TASK" >> "$marks"; fi
[ "$seconds" = 0 ] || sleep "$seconds"
