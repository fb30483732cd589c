"""Runs a command in a terminal of its own, and types what it is told to when the output says so: answer.py '[["pattern", "text"], …]' command …"""
import json, os, pty, re, sys

answers = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said = ""
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
    said += data.decode(errors="replace")
    if answers and (match := re.search(answers[0][0], said)):
        said = said[match.end():]
        os.write(terminal, answers.pop(0)[1].encode())
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
