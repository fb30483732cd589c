# A client in Python that stays: enters a room, prints what it hears there, and asks something after each.
import sys
import socketio

client = socketio.Client(reconnection=False)


@client.on('n')
def on_n(message):
    print('heard %s' % message, flush=True)
    client.emit('go:leave', 'none', callback=lambda answer: print('answered %s %s' % (message, answer['count'] == 1), flush=True))


@client.event
def disconnect(*reason):
    print('disconnected', flush=True)


@client.event
def connect():
    client.emit('go:join', 'r', callback=lambda answer: print('joined %s' % answer['joined'][0]['room'], flush=True))


client.connect(sys.argv[1], transports=['websocket'])
client.wait()
