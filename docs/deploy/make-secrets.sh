#!/bin/sh
# Makes the secrets of a new cluster, one file each, in ./secrets. Files that are there already stay as they are.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
make() {
  # The directory keeps others out; a container's user must be able to read what is mounted into it.
  [ -e "secrets/$1" ] || { printf '%s' "$2" > "secrets/$1"; chmod 644 "secrets/$1"; echo "secrets/$1"; }
}
make secret_key "$(openssl rand -base64 32)"
make worker_token "$(openssl rand -hex 32)"
make ops_token "$(openssl rand -hex 32)"
make admin_token "$(openssl rand -hex 32)"
make postgres_password "$(openssl rand -hex 32)"
make store_url "postgres://pelorus:$(cat secrets/postgres_password)@postgres:5432/pelorus"
