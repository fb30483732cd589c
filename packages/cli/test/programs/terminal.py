"""Runs a command in a terminal of its own, writes what it prints, and closes the terminal when told to by SIGUSR1: as a closed SSH session does."""
import os, pty, select, signal, sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
closing = False
def close(*_):
    global closing
    closing = True
signal.signal(signal.SIGUSR1, close)
while not closing:
    try:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        if ready:
            os.write(1, os.read(terminal, 65536))
    except OSError:
        break
os.close(terminal)
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
os.write(1, f"ended {code}\n".encode())
sys.exit(0 if code == 0 else 1)
