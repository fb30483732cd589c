# A client in Python: enters a room, says what it hears in it to the room, and prints it.
import sys
import socketio

client = socketio.Client()


@client.on('go:welcome')
def on_welcome(welcome):
    print('welcome %s' % welcome['uid'], flush=True)


@client.on('go:push')
def on_push(greeting):
    print('push %s' % greeting, flush=True)


@client.on('one')
def on_one(text):
    print('one %s' % text, flush=True)


@client.on('go:mark')
def on_mark(mark):
    print('mark %s' % mark, flush=True)


@client.on('n')
def on_n(message):
    print('heard %s' % message, flush=True)
    client.emit('go:publish', {'room': 'r', 'event': 'answer', 'message': message}, callback=on_published)


def on_published(answer):
    print('published %s' % answer['ok'], flush=True)


def on_joined(answer):
    print('joined %s' % answer['joined'][0]['room'], flush=True)


@client.event
def connect():
    client.emit('go:join', 'r', callback=on_joined)


client.connect(sys.argv[1], transports=[sys.argv[2]])
client.wait()
