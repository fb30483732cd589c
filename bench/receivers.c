/*
 * The clients of the fan-out benchmark: one thread, one epoll, nothing kept per client but a position, so that on one core they are not
 * the limit of what is measured on the other.
 *
 *   receivers PORT COUNT PATH    opens that many WebSockets, each at PATH and its number, sends each "40" (which joins a Socket.IO namespace),
 *                                says "ready"
 *
 * Then it is told what to expect by lines on its input, each "BYTES HEX": the bytes are those of one frame, which every client is to
 * get over and over from now on; every byte is compared. For each BYTES that have come to all clients together it writes a dot. If a line
 * is "FRAMES" alone, frames may differ: it writes a dot for so many of them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, EVENTS = 1024, FRAME = 4096 };

typedef struct {
  int fd;
  size_t position;
  /* Of a frame that is not whole: its header, as far as it has come, and the bytes of it that are to come. */
  unsigned char header[10];
  unsigned headed;
  size_t left;
} Client;

static unsigned char frame[2 * FRAME + BUFFER];
/* Bytes or frames: what a dot is written for, and what has come. */
static size_t frame_size, round_size, arrived;
static int counts_frames;

static void die(const char *what) {
  fprintf(stderr, "receivers: %s (%s)\n", what, strerror(errno));
  exit(1);
}

/* What a browser says; a server keeps some of it for each client. */
static const char handshake[] =
    "GET %s%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36\r\n"
    "Upgrade: websocket\r\nOrigin: http://127.0.0.1:%d\r\nSec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

static void dial(Client *c, int port, const char *path, int number) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char text[2048], answer[4096];
  int on = 1, size = snprintf(text, sizeof text, handshake, path, number, port, port);
  /* An empty mask, so "40" stays as it is. */
  static const unsigned char join[] = {0x81, 0x82, 0, 0, 0, 0, '4', '0'};
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (write(c->fd, text, size) != size) die("write");
  if (read(c->fd, answer, sizeof answer) < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0) die("no upgrade");
  if (write(c->fd, join, sizeof join) != sizeof join) die("write");
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void expect(Client *clients, int count) {
  char line[2 * FRAME + 64], *hex;
  if (fgets(line, sizeof line, stdin) == NULL) exit(0);
  round_size = strtoull(line, &hex, 10);
  frame_size = 0;
  counts_frames = *hex == '\n';
  for (int i = 0; i < count; i++) clients[i].position = clients[i].headed = clients[i].left = 0;
  arrived = 0;
  if (counts_frames) return;
  for (hex++; hex[0] > ' '; hex += 2) {
    unsigned value;
    sscanf(hex, "%2x", &value);
    frame[frame_size++] = value;
  }
  /* Repeated, so that whatever one read brings is one comparison. */
  for (size_t i = frame_size; i < frame_size + BUFFER; i++) frame[i] = frame[i - frame_size];
}

/* How many frames end with these bytes. */
static size_t frames(Client *c, const unsigned char *data, size_t size) {
  size_t ended = 0;
  while (size > 0) {
    if (c->left > 0) {
      size_t taken = c->left < size ? c->left : size;
      c->left -= taken;
      data += taken;
      size -= taken;
      ended += c->left == 0;
      continue;
    }
    c->header[c->headed++] = *data++;
    size--;
    unsigned length = c->headed > 1 ? c->header[1] : 0, extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (c->headed < 2 + extra) continue;
    c->left = extra == 0 ? length : 0;
    for (unsigned i = 0; i < extra; i++) c->left = c->left << 8 | c->header[2 + i];
    c->headed = 0;
    ended += c->left == 0;
  }
  return ended;
}

int main(int argc, char **argv) {
  if (argc != 4) die("usage");
  int port = atoi(argv[1]), count = atoi(argv[2]), queue = epoll_create1(0);
  Client *clients = calloc(count, sizeof *clients);
  for (int i = 0; i < count; i++) {
    dial(&clients[i], port, argv[3], i);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, clients[i].fd, &event) < 0) die("epoll_ctl");
  }
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(queue, EPOLL_CTL_ADD, 0, &input);
  setvbuf(stdin, NULL, _IONBF, 0);
  if (write(1, "ready\n", 6) != 6) die("write");

  static unsigned char buffer[BUFFER];
  struct epoll_event events[EVENTS];
  for (;;) {
    int n = epoll_wait(queue, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      Client *c = events[i].data.ptr;
      if (c == NULL) {
        expect(clients, count);
        continue;
      }
      ssize_t got = read(c->fd, buffer, sizeof buffer);
      if (got <= 0) die("a connection ended");
      if (round_size == 0) continue;
      size_t before = arrived / round_size;
      if (counts_frames) {
        arrived += frames(c, buffer, got);
      } else {
        if (memcmp(buffer, frame + c->position, got) != 0) die("something else than the frame came");
        c->position = (c->position + got) % frame_size;
        arrived += got;
      }
      for (size_t round = before; round < arrived / round_size; round++)
        if (write(1, ".", 1) != 1) die("write");
    }
  }
}
