"""A SLURM of one machine for tests: munged, slurmctld and slurmd of Debian's slurm-wlm, in a folder, on free ports.

``python tests/fleet/slurm_cluster.py FOLDER`` starts one and prints what to put into SLURM_CONF.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel", "scontrol")
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
CONF = """
ClusterName=csg
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
JobRequeue=0
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no cluster here."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=PLACES) is None]
    if absent:
        return f"SLURM is not installed (no {', '.join(absent)}); apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "SLURM's daemons want to be started by root"


class Cluster:
    """Running daemons.

    Attributes:
        conf: Value of SLURM_CONF for whoever talks to them.
    """

    def __init__(self, folder: Path, seconds: float = 60) -> None:
        self.folder = folder
        for name in ("spool", "state"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.conf = str(folder / "slurm.conf")
        self._env = os.environ | {"SLURM_CONF": self.conf, "PATH": PLACES}
        host = socket.gethostname().split(".")[0]
        ports = dict(zip(("controller", "daemon"), _free_ports(2), strict=True))
        Path(self.conf).write_text(CONF.format(folder=folder, host=host, cores=os.cpu_count(), **ports))
        self._host, self._processes = host, {}
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files = [f"--{option}={folder}/munge.{name}" for option, name in names.items()]
        self._start("munged", "--foreground", "--force", *files)
        self._until(lambda: (folder / "munge.socket").exists(), seconds, "munged")
        self.start_controller()
        self._start("slurmd", "-D", "-N", host)
        self._until(lambda: "idle" in self.said("sinfo", "-h", "-o", "%t"), seconds, "slurmd")

    def start_controller(self) -> None:
        """Also after ``stop_controller``."""
        self._start("slurmctld", "-D", "-i")

    def stop_controller(self) -> None:
        """As if its machine were gone."""
        self._end("slurmctld")

    def said(self, *command: str) -> str:
        """What a command prints; nothing where it fails."""
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout if done.returncode == 0 else ""

    def close(self) -> None:
        """End all jobs and daemons."""
        self.said("scancel", "--full", "-u", "root")
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(name)

    def _start(self, program: str, *options: str) -> None:
        path = shutil.which(program, path=PLACES)
        assert path is not None
        with open(self.folder / f"{program}.out", "ab") as said:
            self._processes[program] = subprocess.Popen([path, *options], env=self._env, stdout=said, stderr=said)

    def _end(self, program: str) -> None:
        process = self._processes.pop(program, None)
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _until(self, there, seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while not there():
            if time.monotonic() > until:
                said = (self.folder / f"{what}.out").read_text()[-2000:]
                self.close()
                raise RuntimeError(f"{what} did not start in {seconds:.0f} s: {said}")
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def main() -> None:
    """Start one, and keep it until a key is pressed."""
    why = missing()
    if why is not None:
        sys.exit(why)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(mkdtemp(prefix="slurm-"))
    cluster = Cluster(folder.resolve())
    sys.stdout.write(f"export SLURM_CONF={cluster.conf}\n")
    sys.stdout.flush()
    try:
        sys.stdin.readline()
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
