"""A ``python`` that starts at once, because it is forked from a process that has loaded the large packages.

A stage that trains takes 4 s to load torch, Fabric and matplotlib, and less to do its work on tiny data. Where tests
are about data, kills or Ctrl-C, their stages start like this; the smoke run itself, SIGTERM and full disks are tried on
stages that start as everybody's. What belongs to the project is loaded by each stage itself.

Run as a script, this is the process that has loaded them: it listens on the socket that it is given.
"""

import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = (
    "cv2",
    "h5py",
    "joblib",
    "lightning_fabric",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "pydantic",
    "torch._dynamo",
    "yaml",
)
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: connection.send(bytes([number])))
    socket.send_fds(connection, [b"f"], [0, 1, 2])
    call = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    connection.sendall(json.dumps(call).encode() + b"\\n")
    status = int(connection.recv(16) or 1)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""
"""What is started. It passes signals on, and when it is killed, so is what runs in its place."""


@contextlib.contextmanager
def preloaded_python(folder: Path) -> Iterator[Path]:
    """A folder to put first on PATH: its ``python`` runs a script, or with ``-m`` a module, and nothing else."""
    address, client = folder / "socket", folder / "bin" / "python"
    client.parent.mkdir()
    client.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen([sys.executable, __file__, str(address)], env=environment, stdin=subprocess.PIPE)
    try:
        while not address.exists():
            assert process.poll() is None, "the packages cannot be loaded"
            time.sleep(0.05)
        yield client.parent
    finally:
        process.kill()
        process.communicate()


def _serve(address: str) -> None:
    """Load the packages, and return once in every process that is forked, when it is ready to run its script."""
    for name in PACKAGES:
        importlib.import_module(name)
    sys.path.pop(0)  # this file's folder
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address + ".new")
    listening.listen()
    os.rename(address + ".new", address)
    while True:
        if sys.stdin in select.select([listening, sys.stdin], [], [])[0]:
            sys.exit()  # the tests were killed
        connection, _ = listening.accept()
        if os.fork() == 0:
            break
        connection.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    listening.close()
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb", buffering=0) as call_file:
        call = json.loads(call_file.readline())
    if process := os.fork():
        _wait_for(process, connection)
        os._exit(0)
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115, as long as the process
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.argv[:] = call["arguments"]


def _wait_for(process: int, connection: socket.socket) -> None:
    """Pass signals on to a process and its children until it ends, and its status back."""
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpgid(process, process)  # it does so itself, too: whoever is first
    ended = os.pidfd_open(process)
    while ended not in select.select([connection, ended], [], [])[0]:
        number = connection.recv(1)
        os.killpg(process, number[0] if number else signal.SIGKILL)
        if not number:
            break
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(str(status).encode())


def _run() -> None:
    """What Python makes of its command line and of PYTHONPATH."""
    sys.path[:0] = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.abspath(os.path.dirname(sys.argv[0])))
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _serve(sys.argv[1])
    _run()
