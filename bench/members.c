/*
 * The clients of the push benchmark: one thread, one epoll. Unlike receivers.c it takes frames apart, as marks of rooms differ from one
 * message to the next, and counts them through: each client is to get numbers that go up by one.
 *
 *   members COUNT STRIDE ROOM PORT...    opens that many WebSockets, in turn to each port, of users u0, u1, ...; has each enter ROOM, where
 *                                        it is not "-"; says "ready"
 *
 * An event has the form {"n":number} or {"n":number,"t":microseconds}, by itself or as an inbox message, which is acknowledged. The first
 * number that client i is to get is i * STRIDE + 1; anything else ends it. For each event without a time that has come to all clients
 * together it writes a dot, for each with one how old it is.
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
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, EVENTS = 1024, REST = 2048 };

typedef struct {
  int fd, index;
  long long next;
  size_t held;
  unsigned char rest[REST];
} Client;

static int count;
static const char *room;
static long long arrived;

static void die(const char *what) {
  fprintf(stderr, "members: %s (%s)\n", what, strerror(errno));
  exit(1);
}

/* With an empty mask, so that the text stays as it is. */
static void say(Client *c, const char *text) {
  unsigned char frame[256] = {0x81};
  size_t size = strlen(text);
  if (size > 125) die("too long a text");
  frame[1] = 0x80 | size;
  memcpy(frame + 6, text, size);
  if (write(c->fd, frame, size + 6) != (ssize_t)size + 6) die("write");
}

static void dial(Client *c, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char text[512], answer[4096];
  size_t got = 0;
  int on = 1;
  int size = snprintf(text, sizeof text,
                      "GET /socket.io/?EIO=4&transport=websocket&uid=u%d HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                      c->index);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (write(c->fd, text, size) != size) die("write");
  /* Byte by byte to the end of the headers: what follows are frames. */
  while (got < 4 || memcmp(answer + got - 4, "\r\n\r\n", 4) != 0)
    if (got == sizeof answer || read(c->fd, answer + got++, 1) != 1) die("no answer");
  if (memcmp(answer, "HTTP/1.1 101", 12) != 0) die("no upgrade");
  say(c, "40");
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void hear(Client *c, const char *text, size_t size) {
  if (size == 1 && text[0] == '2') {
    say(c, "3");
    return;
  }
  if (size < 2 || text[0] != '4') return;
  /* It is in: what it says before, a server takes for an error. */
  if (text[1] == '0' && strcmp(room, "-") != 0) {
    char join[128];
    snprintf(join, sizeof join, "42[\"go:join\",\"%s\"]", room);
    say(c, join);
  }
  if (text[1] != '2') return;
  const char *number = memmem(text, size, "{\"n\":", 5);
  if (number == NULL) return;
  char *end;
  long long n = strtoll(number + 5, &end, 10);
  if (n != c->next++) {
    fprintf(stderr, "members: client %d got %lld for %lld\n", c->index, n, c->next - 1);
    exit(1);
  }
  if (text[2] != '[') {
    char answer[64];
    snprintf(answer, sizeof answer, "43%ld[]", strtol(text + 2, NULL, 10));
    say(c, answer);
  }
  if (strncmp(end, ",\"t\":", 5) == 0) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    dprintf(1, "%lld\n", now.tv_sec * 1000000LL + now.tv_nsec / 1000 - strtoll(end + 5, NULL, 10));
  } else if (++arrived % count == 0 && write(1, ".", 1) != 1) die("write");
}

/* Takes whole frames off the front. Returns how many bytes are left. */
static size_t take(Client *c, unsigned char *bytes, size_t size) {
  size_t at = 0;
  for (;;) {
    if (size - at < 2) break;
    size_t head = 2, length = bytes[at + 1];
    if (length == 127) die("too long a frame");
    if (length == 126) {
      if (size - at < 4) break;
      head = 4;
      length = bytes[at + 2] << 8 | bytes[at + 3];
    }
    if (head + length > REST) die("too long a frame");
    if (size - at < head + length) break;
    if (bytes[at] != 0x81) {
      fprintf(stderr, "members: client %d got a frame of type %02x: %.*s\n", c->index, bytes[at], (int)length, bytes + at + head);
      exit(1);
    }
    /* A number at the end of a frame ends there. */
    unsigned char *end = bytes + at + head + length, after = *end;
    *end = 0;
    hear(c, (char *)bytes + at + head, length);
    *end = after;
    at += head + length;
  }
  memmove(c->rest, bytes + at, size - at);
  return size - at;
}

int main(int argc, char **argv) {
  if (argc < 5) die("usage");
  count = atoi(argv[1]);
  long long stride = atoll(argv[2]);
  room = argv[3];
  int queue = epoll_create1(0);
  Client *clients = calloc(count, sizeof *clients);
  for (int i = 0; i < count; i++) {
    clients[i].index = i;
    clients[i].next = i * stride + 1;
    dial(&clients[i], atoi(argv[4 + i % (argc - 4)]));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, clients[i].fd, &event) < 0) die("epoll_ctl");
  }
  if (write(1, "ready\n", 6) != 6) die("write");

  static unsigned char buffer[REST + BUFFER + 1];
  struct epoll_event events[EVENTS];
  for (;;) {
    int n = epoll_wait(queue, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      Client *c = events[i].data.ptr;
      memcpy(buffer, c->rest, c->held);
      ssize_t got = read(c->fd, buffer + c->held, BUFFER);
      if (got <= 0) die("a connection ended");
      c->held = take(c, buffer, c->held + got);
    }
  }
}
