#!/usr/bin/env bash
# Tries this tree on a bare Debian 12: nothing but Python, as root, without a screen. Runs the set-up, the program
# and the tests there, each time in a fresh copy of one small system that is made once.
# Usage: packaging/try_bare_debian.sh [FOLDER]   (as root, with debootstrap; FOLDER is kept, default /tmp/bare)
set -euo pipefail

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
base=${1:-/tmp/bare}
root=$base.run

[ "$(id -u)" = 0 ] || { echo "This needs root, for debootstrap and chroot." >&2; exit 1; }
command -v debootstrap > /dev/null || { echo "Install debootstrap first." >&2; exit 1; }

unmount_all() {
    local folder
    for folder in "$root/dev/shm" "$root/dev/pts" "$root/proc"; do
        if mountpoint -q "$folder"; then umount -l "$folder"; fi
    done
}

make_base() {
    # The mirror this machine's apt uses: the first one it lists.
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)
    debootstrap --variant=minbase --include=python3,ca-certificates bookworm "$base.part" "$mirror"
    rm -rf "$base.part/var/cache/apt/archives"/*.deb
    mv "$base.part" "$base"
}

# What this machine needs to reach its package sources is the only thing the bare system takes from it.
copy_network_settings() {
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    rm -f "$root/etc/apt/sources.list"
    cp -a /etc/apt/sources.list "$root/etc/apt/" 2> /dev/null || true
    cp -a /etc/apt/sources.list.d/. "$root/etc/apt/sources.list.d/"
    grep -lE 'Acquire' -r /etc/apt/apt.conf.d | xargs -r cp -t "$root/etc/apt/apt.conf.d/"
    [ ! -f /etc/pip.conf ] || cp -L /etc/pip.conf "$root/etc/"
}

copy_tree() {
    mkdir "$root/pullquote"
    tar -C "$tree" --exclude=./.git --exclude=./.venv --exclude='./.*_cache' --exclude=__pycache__ \
        --exclude=./build --exclude=./dist -cf - . | tar -C "$root/pullquote" --no-same-owner -xf -
}

# Runs a command in the bare system with none of this machine's environment but the way to the package sources.
inside() {
    local kept=()
    local name
    for name in $(compgen -e | grep -E '^(PIP_CERT|PIP_DEFAULT_TIMEOUT|SSL_CERT_FILE|REQUESTS_CA_BUNDLE)$|_proxy$'); do
        kept+=("$name=${!name}")
    done
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true "${kept[@]}" \
        sh -c 'cd /pullquote && exec "$@"' sh "$@" < /dev/null
}

report=()
failed=0
attempt() {
    local name=$1 started=$SECONDS code=0
    shift
    echo "=== $name"
    inside "$@" || code=$?
    report+=("$name: exit code $code, $((SECONDS - started)) s")
    [ "$code" = 0 ] || failed=1
}

[ -e "$base/etc/debian_version" ] || { rm -rf --one-file-system "$base.part"; make_base; }
unmount_all
rm -rf --one-file-system "$root"
cp -a "$base" "$root"
trap unmount_all EXIT
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666 || true
copy_network_settings
copy_tree

attempt "run, first time (no screen)" python3 packaging/dev.py run
attempt "setup for tests (system packages only)" python3 packaging/dev.py setup
attempt "setup again (nothing to do)" python3 packaging/dev.py setup
attempt "run, second time" python3 packaging/dev.py run
attempt "test" bash .ci/run

echo "=== Report for a bare Debian $(cat "$root/etc/debian_version")"
printf '%s\n' "${report[@]}"
exit "$failed"
