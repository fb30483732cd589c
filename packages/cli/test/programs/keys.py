"""Runs a command in a terminal of 30 lines and 110 columns, and types: `keys.py TEXT KEYS … -- COMMAND …`. KEYS are typed when TEXT has come after what was typed before."""
import fcntl, os, pty, struct, sys, termios

split = sys.argv.index("--")
steps = list(zip(sys.argv[1:split:2], sys.argv[2:split:2]))
command = sys.argv[split + 1 :]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
    os.execvp(command[0], command)
seen = b""
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    os.write(1, chunk)
    seen += chunk
    if steps and steps[0][0].encode() in seen:
        os.write(terminal, steps.pop(0)[1].encode())
        seen = b""
# Raw mode would remain for the shell.
echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO) if os.name == "posix" else True
_, status = os.waitpid(pid, 0)
os.write(1, f"\nended {os.waitstatus_to_exitcode(status)} echoes {echoes}\n".encode())
