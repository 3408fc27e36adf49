#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks Debian's stock kernel into .build/stock-kernel, with all that qemu needs to start it on this machine's files,
# and prints that path. Installs nothing: no kernel of this machine is changed, nor what it starts with.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
kernel=$repository/.build/stock-kernel
# What the first file system has to load before it can mount the second, and what passes on what a command prints.
modules="virtio_pci 9pnet_virtio 9p virtio_console virtio_rng"

mkdir -p "$repository/.build"
exec 9>"$kernel.lock"
flock 9
if [ "$kernel/initramfs" -nt "$0" ]; then
    echo "$kernel"
    exit 0
fi

work=$(mktemp -d "$kernel.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

download() {
    local package
    package=$(apt-cache depends linux-image-amd64 | sed -nE 's/^ *Depends: (linux-image-[0-9].*)/\1/p' | head -n 1)
    [ -n "$package" ] && apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$package"
}

# Only what a machine without devices may need: two thirds of the modules are drivers of things that it has not.
unpack() {
    dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --wildcards \
        --exclude='*/kernel/drivers/[!cnv]*' --exclude='*/kernel/drivers/net/[ew]*' --exclude='*/kernel/sound' \
        './boot/vmlinuz-*' './lib/modules/*'
    rm linux-image-*.deb
    mv boot/vmlinuz-* vmlinuz
    rmdir boot
    release=$(ls lib/modules)
    depmod -b "$work" "$release"
}

# The first file system: it mounts the machine's files, and lets their bash go on.
make_initramfs() {
    local first=$work/first file
    mkdir -p "$first/modules" "$first/proc" "$first/machine" "$first/dev"
    cp /bin/busybox "$first/busybox"
    for file in $(modprobe -d "$work" -S "$release" --show-depends -a $modules |
        awk '/^insmod/ && !seen[$2]++ { print $2 }'); do
        cp "$file" "$first/modules/"
        basename "$file" >>"$first/modules/order"
    done
    cat >"$first/init" <<'EOF'
#!/busybox sh
for module in $(/busybox cat /modules/order); do /busybox insmod "/modules/$module"; done
/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /machine
exec /busybox switch_root /machine /bin/bash /run/init
EOF
    chmod +x "$first/init"
    (cd "$first" && find . | /bin/busybox cpio -o -H newc 2>/dev/null | gzip -1) >initramfs
    rm -rf "$first"
}

{
    download || { apt-get -qq update && download; }
    unpack
    make_initramfs
    rm -rf "$kernel"
} >&2
chmod 755 "$work"
mv "$work" "$kernel"
trap - EXIT
echo "$kernel"
