# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch's user-space datapath without devices: what it takes for a frame, and what of that is I/O.

One thread reads frames from memory (DPDK's net_pcap, which repeats a file for ever) and gives them away to nothing
(net_null). DPDK's own testpmd does only that between the same two ports; the difference is the switch. All in private
namespaces: peers.py makes them, and processes end with them.
"""

import os
import re
import signal
import subprocess
import time

# Which processor measures; the other one is for all else.
CPU, OTHER_CPU = 1, 0
# How many huge pages of 2 MiB Open vSwitch's buffers take, with some for testpmd.
HUGE_PAGES = 700
MEMORY = 512
# How long one measurement takes, in seconds, and how many there are.
WINDOW = 0.15
ROUNDS = 15
# Programs that spin tell the time by the clock, whoever else has the processor meanwhile: nobody shall.
PRIORITY = 1
UNDISTURBED = ["chrt", "--fifo", str(PRIORITY)]


class Failure(Exception):
    """Something of Open vSwitch or DPDK did not start or did not say what it should."""


def drivers(root):
    """DPDK's options for two ports without devices; {frames} is still to be put in."""
    folder = f"{root}/usr/lib/{os.uname().machine}-linux-gnu/dpdk/pmds-23.0"
    loaded = [f"-d {folder}/librte_{name}.so" for name in ("net_pcap", "net_null", "mempool_ring", "bus_vdev")]
    ports = ["--vdev=net_pcap0,rx_pcap={frames},infinite_rx=1", "--vdev=net_null0,no-rx=1"]
    return " ".join(["--no-pci --no-telemetry", *loaded, *ports])


def programs(root):
    """The environment in which the unpacked programs find their libraries."""
    machine = f"{os.uname().machine}-linux-gnu"
    libraries = f"{root}/usr/lib/{machine}:{root}/lib/{machine}"
    return os.environ | {"LD_LIBRARY_PATH": libraries, "PATH": f"{root}/usr/bin:{root}/usr/sbin:{os.environ['PATH']}"}


def wait_for(what, condition, seconds=60):
    """What the condition is true of, when it has become so."""
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def io_times(root, directory, frames, frequency, rounds):
    """Nanoseconds that testpmd needs to take a frame from the one port to the other, in some rounds."""
    options = drivers(root).format(frames=frames).split()
    command = ["dpdk-testpmd", "-l", f"{OTHER_CPU},{CPU}", "--in-memory", "-m", str(MEMORY), *options, "--"]
    command += ["-i", "--forward-mode=io", "--nb-cores=1", "--record-core-cycles", "--no-mlockall"]
    log = f"{directory}/testpmd.log"

    def said(text):
        with open(log, encoding="utf-8") as file:
            return file.read().count(text)

    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [*UNDISTURBED, "stdbuf", "-o0", *command], env=programs(root), stdin=subprocess.PIPE, stdout=output,
            stderr=subprocess.STDOUT, text=True, bufsize=1,
        )
        try:
            wait_for("testpmd", lambda: said("testpmd> ") or process.poll() is not None)
            for number in range(1, rounds + 1):
                process.stdin.write("start\n")
                time.sleep(WINDOW)
                process.stdin.write("stop\n")
                wait_for("testpmd", lambda: said("CPU cycles/packet") >= number)
            process.stdin.write("quit\n")
            process.wait(timeout=30)
        except (Failure, BrokenPipeError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
    with open(log, encoding="utf-8") as output:
        text = output.read()
    cycles = [float(number) for number in re.findall(r"CPU cycles/packet=([0-9.]+)", text)]
    if len(cycles) != rounds:
        raise Failure(f"testpmd did not measure:\n{text[-2000:]}")
    return [number / frequency * 1e9 for number in cycles]


class OpenVSwitch:
    """A switch with two ports in user space; for `with`."""

    def __init__(self, root, directory, frames):
        self.root, self.directory, self.frames = root, directory, frames
        folders = {f"OVS_{name}DIR": directory for name in ("RUN", "LOG", "DB", "SYSCONF")}
        self.environment = programs(root) | folders
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self):
        """Makes the database, starts the daemons, and gives the bridge its ports."""
        database, socket = f"{self.directory}/conf.db", f"{self.directory}/db.sock"
        self.call("ovsdb-tool", "create", database, f"{self.root}/usr/share/openvswitch/vswitch.ovsschema")
        self.daemon("ovsdb-server", database, f"--remote=punix:{socket}", "--unixctl", f"{self.directory}/db.ctl")
        wait_for("ovsdb-server", lambda: os.path.exists(socket))
        self.configure("--no-wait", "init")
        options = {
            "dpdk-init": "true",
            "dpdk-socket-mem": MEMORY,
            "dpdk-lcore-mask": hex(1 << OTHER_CPU),
            "pmd-cpu-mask": hex(1 << CPU),
            "emc-insert-inv-prob": 1,
            "dpdk-extra": drivers(self.root).format(frames=self.frames),
        }
        for key, value in options.items():
            self.configure("--no-wait", "set", "Open_vSwitch", ".", f'other_config:{key}="{value}"')
        self.switch = self.daemon(
            f"{self.root}/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk",
            f"unix:{socket}", "--unixctl", f"{self.directory}/switch.ctl",
        )
        wait_for("ovs-vswitchd", lambda: os.path.exists(f"{self.directory}/switch.ctl"))
        self.configure("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
        for number, device in enumerate(("net_pcap0", "net_null0"), 1):
            self.configure(
                "add-port", "br0", f"p{number}", "--", "set", "interface", f"p{number}", "type=dpdk",
                f"options:dpdk-devargs={device}", f"ofport_request={number}",
            )
            error = self.call(*self.vsctl(), "get", "interface", f"p{number}", "error").strip()
            if error != "[]":
                raise Failure(f"{device}: {error}; see the log: {self.log()}")

    def daemon(self, *command):
        with open(f"{self.directory}/{os.path.basename(command[0])}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def log(self):
        with open(f"{self.directory}/ovs-vswitchd-dpdk.log", encoding="utf-8") as log:
            return log.read()[-2000:]

    def call(self, *command, **options):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, **options)
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)[:200]}: {done.stderr.strip()[-1000:]}")
        return done.stdout

    def vsctl(self):
        return ["ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--timeout=30"]

    def configure(self, *arguments):
        self.call(*self.vsctl(), *arguments)

    def control(self, *arguments):
        return self.call("ovs-appctl", "-t", f"{self.directory}/switch.ctl", *arguments)

    def replace_rules(self, rules):
        """Gives the bridge these rules and no others, and waits until all frames go by what is remembered exactly."""
        self.call("ovs-ofctl", "replace-flows", f"unix:{self.directory}/br0.mgmt", "-", input=rules)
        wait_for("the exact-match cache", lambda: self.measure()[1] > 0.99)

    def measure(self):
        """Cycles for each frame, and the share of frames that the exact-match cache knew."""
        thread = self.spinning_thread()
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(PRIORITY))
        try:
            self.control("dpif-netdev/pmd-stats-clear")
            time.sleep(WINDOW)
            text = self.control("dpif-netdev/pmd-stats-show")
        finally:
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
        text = text[text.index(f"core_id {CPU}"):]

        def number(label):
            found = re.search(rf"{label}: ([0-9.]+)", text)
            return float(found[1]) if found else 0

        frames = number("packets received")
        return number("avg cycles per packet"), number("emc hits") / frames if frames else 0

    def spinning_thread(self):
        """The thread that forwards."""
        tasks = f"/proc/{self.switch.pid}/task"
        for thread in os.listdir(tasks):
            with open(f"{tasks}/{thread}/comm", encoding="ascii") as file:
                if file.read().startswith(f"pmd-c{CPU:02}"):
                    return int(thread)
        raise Failure(f"ovs-vswitchd has no thread that forwards; its log: {self.log()}")

    def pause(self):
        """Leaves the processor to others."""
        self.switch.send_signal(signal.SIGSTOP)

    def resume(self):
        self.switch.send_signal(signal.SIGCONT)
        time.sleep(0.1)
