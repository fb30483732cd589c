# A page, an upload and the page again on one connection of Python's requests.
import sys

import requests

url, upload = sys.argv[1], sys.stdin.buffer.read()
session = requests.Session()
responses = [session.get(f"{url}/hello.txt", timeout=20)]
if upload:
    responses.append(session.post(f"{url}/upload", data=upload, timeout=20))
responses.append(session.get(f"{url}/hello.txt", timeout=20))
for response in responses:
    print(response.text.rstrip())
