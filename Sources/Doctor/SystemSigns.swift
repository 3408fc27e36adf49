// SPDX-License-Identifier: Apache-2.0

/// Files and directories that tell of other programs on a host.
package enum SystemSigns {
    package static let kubelet = "/var/lib/kubelet"
    package static let udev = "/run/udev/control"
    package static let networkManager = "/run/NetworkManager"
    package static let firewalld = "/run/firewalld.pid"
    package static let nftablesService = "/etc/systemd/system/sysinit.target.wants/nftables.service"
    /// Any of them puts rules back after a reload of firewalld.
    package static let firewalldHooks = [
        "/etc/systemd/system/culvert-firewalld.service", "/usr/lib/systemd/system/culvert-firewalld.service",
        "/etc/systemd/system/firewalld.service.d/culvert.conf",
    ]
    /// Any of them puts rules back after a restart of nftables.
    package static let nftablesHooks = [
        "/etc/systemd/system/nftables.service.d/culvert.conf",
        "/usr/lib/systemd/system/nftables.service.d/culvert.conf",
    ]

    /// All of them.
    package static let all =
        [kubelet, udev, networkManager, firewalld, nftablesService] + firewalldHooks + nftablesHooks

    /// Where systemd.link(5) has its files; of equal names the first counts.
    package static let linkDirectories = [
        "/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network",
    ]

    /// Where NetworkManager.conf(5) has its files, and udev the rules that speak of it.
    package static let managerDirectories = [
        "/etc/NetworkManager/conf.d", "/run/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d",
        "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d",
    ]

    package static let managerFile = "/etc/NetworkManager/NetworkManager.conf"
}
