#!/usr/bin/env bash
# Makes stand-in container images from Debian packages, for a machine that can
# pull no image: a Python base, a PostgreSQL, a Redis, an HAProxy and a Prometheus, tagged with the
# names that compose files, Dockerfiles and testcontainers use.
#
#   stand_in_images.sh            make the missing ones
#   FORCE=1 stand_in_images.sh    make all again
#
# Needs root, a running Docker (or podman: DOCKER=podman) and mmdebstrap
# (apt-get install -y --no-install-recommends mmdebstrap).
# Package versions: Debian 12 gives python 3.11 and redis 7.0, Debian 13 gives
# PostgreSQL 17 and python 3.13. The mirror is the one the machine already uses.
set -Eeuo pipefail

DOCKER=${DOCKER:-docker}
WORK=${WORK:-$(mktemp -d /tmp/standin.XXXXXX)}
PG_SUITE=${PG_SUITE:-trixie}   PG_MAJOR=${PG_MAJOR:-17}
RD_SUITE=${RD_SUITE:-bookworm} RD_MAJOR=${RD_MAJOR:-7}
HA_SUITE=${HA_SUITE:-trixie}   HA_MAJOR=${HA_MAJOR:-3.0}
PM_SUITE=${PM_SUITE:-trixie}   PM_TAG=${PM_TAG:-v3.5.0} # Debian 13 has 2.53
PY_SUITE=${PY_SUITE:-bookworm} PY_MAJOR=${PY_MAJOR:-3.11}
PY_APT=${PY_APT:-0}            # 0: a small Python base without apt, 1: with apt and dpkg (for a Dockerfile that runs apt-get)
trap 'rm -rf "$WORK"' EXIT
trap 'echo "stand_in_images: failed at line $LINENO: $BASH_COMMAND" >&2' ERR

mirror=$(awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null ||
         awk '/^deb /{for(i=2;i<=NF;i++) if($i~/^http/){print $i; exit}}' /etc/apt/sources.list)
[ -n "$mirror" ] || { echo "no Debian mirror found in the apt sources" >&2; exit 1; }

log() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
have() { [ -z "${FORCE:-}" ] && $DOCKER image inspect "$1" >/dev/null 2>&1; }

# rootfs SUITE VARIANT PACKAGES DIR [more mmdebstrap options]
# VARIANT extract: unpack only, no maintainer script, no dpkg: small and fast.
rootfs() {
  local suite=$1 variant=$2 pkgs=$3 dir=$4; shift 4
  mmdebstrap --quiet --mode=root --variant="$variant" --include="$pkgs" \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    "$@" "$suite" "$dir" "$mirror"
}

# What an unpack-only rootfs lacks: merged /usr links, users, a resolver, a shell.
finish() {
  local d=$1 x
  for x in bin sbin lib lib64; do
    if [ -d "$d/$x" ] && [ ! -L "$d/$x" ]; then
      mkdir -p "$d/usr/$x"; cp -a "$d/$x/." "$d/usr/$x/"; rm -rf "${d:?}/$x"
    fi
    mkdir -p "$d/usr/$x"; [ -e "$d/$x" ] || ln -s "usr/$x" "$d/$x"
  done
  mkdir -p "$d"/{etc,tmp,var/tmp,run,proc,sys,dev,root,var/lib,usr/local/bin}
  chmod 1777 "$d/tmp" "$d/var/tmp"
  [ -s "$d/etc/passwd" ] || echo 'root:x:0:0:root:/root:/bin/sh' >"$d/etc/passwd"
  [ -s "$d/etc/group" ]  || printf 'root:x:0:\ntty:x:5:\n' >"$d/etc/group"
  grep -q '^nobody:' "$d/etc/passwd" || echo 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >>"$d/etc/passwd"
  grep -q '^nogroup:' "$d/etc/group" || echo 'nogroup:x:65534:' >>"$d/etc/group"
  [ -e "$d/etc/nsswitch.conf" ] || printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$d/etc/nsswitch.conf"
  [ -e "$d/bin/sh" ] || ln -s dash "$d/bin/sh"
  rm -rf "$d"/usr/share/{doc,man,locale,info,lintian,bash-completion,bug} \
         "$d"/var/{cache/apt,lib/apt/lists,log}/* "$d"/etc/{alternatives,systemd,init.d} \
         "$d"/usr/lib/systemd 2>/dev/null || true
  if [ -x "$d/sbin/ldconfig" ]; then ldconfig -r "$d" 2>/dev/null || true; fi
}

# busybox gives the small images their tools (id, chown, sleep, find, nc, ...)
busybox_links() {
  local d=$1 b
  for b in $(chroot "$d" /usr/bin/busybox --list); do
    [ -e "$d/usr/bin/$b" ] || [ -e "$d/usr/sbin/$b" ] || ln -s busybox "$d/usr/bin/$b"
  done
}

# import DIR TAG [docker import --change options]
import() {
  local d=$1 tag=$2; shift 2
  local opts=() c; for c in "$@"; do opts+=(--change "$c"); done
  tar -C "$d" --numeric-owner -cf - . | $DOCKER import "${opts[@]}" - "$tag" >/dev/null
}

make_python() {
  local tag=python:$PY_MAJOR-slim-$PY_SUITE d=$WORK/py t0=$SECONDS
  if have "$tag"; then log "$tag is there"; return; fi
  local common=python$PY_MAJOR,python$PY_MAJOR-venv,ca-certificates,libexpat1,libstdc++6,zlib1g
  if [ "$PY_APT" = 1 ]; then
    rootfs "$PY_SUITE" apt "$common" "$d"
    rm -rf "$d"/var/lib/apt/lists/* "$d"/var/cache/apt/* "$d"/usr/share/{doc,man,locale,info}/*
  else
    rootfs "$PY_SUITE" extract "$common,dash,busybox,libc-bin,openssl" "$d"
    finish "$d"; busybox_links "$d"
  fi
  # as in the official image: python, python3, pip in /usr/local/bin, and pip free to install there
  rm -f "$d/usr/lib/python$PY_MAJOR/EXTERNALLY-MANAGED"
  mkdir -p "$d/usr/local/bin" "$d/usr/local/lib/python$PY_MAJOR/dist-packages"
  local n; for n in python python3 "python$PY_MAJOR"; do ln -sf "/usr/bin/python$PY_MAJOR" "$d/usr/local/bin/$n"; done
  # pip itself from the wheel that ensurepip carries
  local whl; whl=$(find "$d/usr/share/python-wheels" "$d/usr/lib/python$PY_MAJOR" -name 'pip-*.whl' -print -quit 2>/dev/null || true)
  python3 -m zipfile -e "$whl" "$d/usr/local/lib/python$PY_MAJOR/dist-packages"
  printf '#!/usr/local/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n' >"$d/usr/local/bin/pip"
  chmod 755 "$d/usr/local/bin/pip"; ln -sf pip "$d/usr/local/bin/pip3"
  # the registry is reached through this machine's own certificate authority
  install -D -m 644 "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$d/etc/ssl/certs/ca-certificates.crt"
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ndisable-pip-version-check = true\n' >"$d/etc/pip.conf"
  find "$d" -name __pycache__ -type d -prune -exec rm -rf {} +
  import "$d" "$tag" 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' 'ENV LANG=C.UTF-8' 'CMD ["python3"]'
  $DOCKER tag "$tag" "python:$PY_MAJOR-slim"; $DOCKER tag "$tag" "python:$PY_MAJOR"
  log "$tag made in $((SECONDS - t0)) s"
}

make_postgres() {
  local tag=postgres:$PG_MAJOR d=$WORK/pg t0=$SECONDS
  if have "$tag"; then log "$tag is there"; return; fi
  rootfs "$PG_SUITE" extract "postgresql-$PG_MAJOR,postgresql-client-$PG_MAJOR,dash,busybox,libc-bin,util-linux,tzdata" "$d"
  finish "$d"; busybox_links "$d"
  local b=$d/usr/lib/postgresql/$PG_MAJOR
  # no JIT (LLVM is most of the size), no Perl
  rm -rf "$b"/lib/llvmjit* "$b"/lib/bitcode "$d"/usr/lib/llvm* "$d"/usr/lib/*/libLLVM* "$d"/usr/lib/*/libz3* \
         "$d"/usr/share/perl* "$d"/usr/lib/*/perl* "$d"/usr/lib/*/libperl* "$d"/usr/bin/perl* "$d"/usr/lib/*/libicutest* \
         "$d"/usr/share/postgresql-common "$d"/usr/lib/*/gconv
  echo 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' >>"$d/etc/passwd"; echo 'postgres:x:999:' >>"$d/etc/group"
  mkdir -p "$d"/var/lib/postgresql/data "$d"/var/run/postgresql "$d"/docker-entrypoint-initdb.d
  chown -R 999:999 "$d/var/lib/postgresql"; [ -L "$d/var/run" ] || { rm -rf "$d/var/run"; ln -s /run "$d/var/run"; }
  mkdir -p "$d/run/postgresql"; chown 999:999 "$d/run/postgresql"; chmod 3777 "$d/run/postgresql"
  cat >"$d/usr/local/bin/docker-entrypoint.sh" <<'EOF'
#!/bin/sh
# Same contract as the official image: POSTGRES_PASSWORD[_FILE], POSTGRES_USER[_FILE],
# POSTGRES_DB[_FILE], POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA,
# /docker-entrypoint-initdb.d/*.sh|*.sql, then exec postgres "$@".
set -eu
file_env() { eval "v=\${$1:-}; f=\${$1_FILE:-}"; if [ -z "$v" ] && [ -n "$f" ]; then v=$(cat "$f"); fi; eval "$1=\${v:-\$2}"; export "$1"; }
case "${1:-postgres}" in -*) set -- postgres "$@";; esac
[ "${1:-postgres}" = postgres ] || exec "$@"
: "${PGDATA:=/var/lib/postgresql/data}"; export PGDATA
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql; chown -R postgres:postgres "$PGDATA" /run/postgresql; chmod 700 "$PGDATA"
  exec /usr/bin/setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  file_env POSTGRES_PASSWORD ''; file_env POSTGRES_USER postgres; file_env POSTGRES_DB "$POSTGRES_USER"
  if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified (POSTGRES_PASSWORD).' >&2; exit 1
  fi
  printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/.pw
  pw=; if [ -n "$POSTGRES_PASSWORD" ]; then pw=--pwfile=/tmp/.pw; fi
  # shellcheck disable=SC2086
  initdb --username="$POSTGRES_USER" $pw --encoding=UTF8 --locale=C.UTF-8 ${POSTGRES_INITDB_ARGS:-}
  rm -f /tmp/.pw
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  export PGPASSWORD="$POSTGRES_PASSWORD" PGHOST=/var/run/postgresql
  sql() { psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname "$@"; }
  if [ "$POSTGRES_DB" != postgres ]; then echo 'CREATE DATABASE :"db"' | sql postgres -v db="$POSTGRES_DB"; fi
  for f in /docker-entrypoint-initdb.d/*; do
    case "$f" in
      *.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi;;
      *.sql) sql "$POSTGRES_DB" -f "$f";;
      *.sql.gz) gunzip -c "$f" | sql "$POSTGRES_DB";;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD PGHOST
  echo; echo 'PostgreSQL init process complete; ready for start up.'; echo
fi
exec "$@"
EOF
  chmod 755 "$d/usr/local/bin/docker-entrypoint.sh"
  sed -i "s/^#\?listen_addresses.*/listen_addresses = '*'/; s/^#\?jit = .*/jit = off/" "$d/usr/share/postgresql/$PG_MAJOR/postgresql.conf.sample"
  import "$d" "$tag" "ENV PATH=/usr/local/bin:/usr/lib/postgresql/$PG_MAJOR/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "ENV PG_MAJOR=$PG_MAJOR" 'ENV LANG=C.UTF-8' 'ENV PGDATA=/var/lib/postgresql/data' 'VOLUME /var/lib/postgresql/data' 'EXPOSE 5432' \
    'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]'
  # import takes no STOPSIGNAL, a build does (SIGINT is the fast shutdown that waits for no client)
  printf 'FROM %s\nSTOPSIGNAL SIGINT\n' "$tag" | $DOCKER build -q -t "$tag" - >/dev/null
  $DOCKER tag "$tag" "postgres:$PG_MAJOR-$PG_SUITE"; $DOCKER tag "$tag" "postgres:$PG_MAJOR-alpine"
  log "$tag made in $((SECONDS - t0)) s"
}

make_redis() {
  local tag=redis:$RD_MAJOR d=$WORK/rd t0=$SECONDS
  if have "$tag"; then log "$tag is there"; return; fi
  rootfs "$RD_SUITE" extract redis-server,redis-tools,dash,busybox,libc-bin,util-linux "$d"
  finish "$d"; busybox_links "$d"
  rm -rf "$d"/usr/share/perl* "$d"/usr/lib/*/perl* "$d"/usr/lib/*/libperl* "$d"/usr/bin/perl* "$d"/usr/lib/*/gconv
  echo 'redis:x:999:999::/data:/bin/sh' >>"$d/etc/passwd"; echo 'redis:x:999:' >>"$d/etc/group"
  mkdir -p "$d/data"; chown 999:999 "$d/data"
  cat >"$d/usr/local/bin/docker-entrypoint.sh" <<'EOF'
#!/bin/sh
# As the official image: options alone mean redis-server, and root becomes redis.
set -e
case "${1:-redis-server}" in -*|*.conf) set -- redis-server "$@";; esac
# as the official image does for a server with no configuration of its own
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis:redis . 2>/dev/null || true
  exec /usr/bin/setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
if [ "$1" = redis-server ]; then case " $* " in *" --protected-mode "*) ;; *) set -- "$@" --protected-mode no;; esac; fi
exec "$@"
EOF
  chmod 755 "$d/usr/local/bin/docker-entrypoint.sh"
  import "$d" "$tag" 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' 'WORKDIR /data' 'VOLUME /data' 'EXPOSE 6379' \
    'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["redis-server"]'
  $DOCKER tag "$tag" "redis:$RD_MAJOR-alpine"; $DOCKER tag "$tag" "redis:$RD_MAJOR-$RD_SUITE"
  log "$tag made in $((SECONDS - t0)) s"
}

make_haproxy() {
  local tag=haproxy:$HA_MAJOR d=$WORK/ha t0=$SECONDS
  if have "$tag"; then log "$tag is there"; return; fi
  rootfs "$HA_SUITE" extract haproxy,dash,busybox,libc-bin "$d"
  finish "$d"; busybox_links "$d"
  echo 'haproxy:x:99:99::/var/lib/haproxy:/bin/sh' >>"$d/etc/passwd"; echo 'haproxy:x:99:' >>"$d/etc/group"
  ln -sf ../../sbin/haproxy "$d/usr/local/bin/haproxy" 
  mkdir -p "$d/usr/local/etc/haproxy" "$d/var/lib/haproxy"
  import "$d" "$tag" 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' 'USER haproxy' 'CMD ["haproxy","-W","-db","-f","/usr/local/etc/haproxy/haproxy.cfg"]'
  printf 'FROM %s\nSTOPSIGNAL SIGUSR1\n' "$tag" | $DOCKER build -q -t "$tag" - >/dev/null
  $DOCKER tag "$tag" "$tag-alpine"
  log "$tag made in $((SECONDS - t0)) s"
}

make_prometheus() {
  local tag=prom/prometheus:$PM_TAG d=$WORK/pm t0=$SECONDS
  if have "$tag"; then log "$tag is there"; return; fi
  rootfs "$PM_SUITE" extract prometheus,dash,busybox,libc-bin "$d"
  finish "$d"; busybox_links "$d"
  rm -rf "$d"/usr/share/{javascript,nodejs,perl*} "$d"/usr/lib/*/perl* "$d"/usr/bin/perl*
  mkdir -p "$d/prometheus"; chown 65534:65534 "$d/prometheus"
  import "$d" "$tag" 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' 'WORKDIR /prometheus' 'VOLUME /prometheus' 'USER nobody' \
    'EXPOSE 9090' 'ENTRYPOINT ["prometheus"]'
  log "$tag made in $((SECONDS - t0)) s"
}

if [ $# -eq 0 ]; then set -- python postgres redis haproxy prometheus; fi
for what in "$@"; do "make_$what"; done
$DOCKER images --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | grep -E '^(python|postgres|redis|haproxy|prom/prometheus):' | sort >&2
