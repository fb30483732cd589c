/*
 * The clients of the benchmark of migrations: one thread, one epoll, as many connections as there are descriptors.
 *
 *   sessions COUNT FIRST PORT...    opens that many WebSockets of Socket.IO, in turn to each port, of users FIRST, FIRST + 1, ...; says "ready"
 *
 * Clients answer pings, count events, and stay. One that is refused comes again; one that is cut stays away. For each line on its input it writes
 * "open CLIENTS cut CLIENTS events EVENTS most EVENTS-OF-ONE", and forgets the events.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Clients of one address of this machine: each pair of addresses has 28,000 ports by default. */
enum { EVENTS = 1024, REST = 512, BUFFER = 1 << 16, AT_ONCE = 48, OF_ONE_ADDRESS = 20000 };
enum { NEW, ASKED, UPGRADED, OPEN, CUT };

typedef struct {
  int fd, index, state, events;
  size_t held;
  unsigned char *rest;
} Client;

static int count, first, queue, opening, opened, cut, events, next_client;
static int ports[64], port_count;

static void die(const char *what) {
  fprintf(stderr, "sessions: %s (%s)\n", what, strerror(errno));
  exit(1);
}

static void dial(Client *c) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (first + c->index) / OF_ONE_ADDRESS)};
  int on = 1;
  to.sin_port = htons(ports[c->index % port_count]);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) die("socket");
  setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
  c->state = NEW;
  c->held = 0;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  if (epoll_ctl(queue, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
}

/* With an empty mask, so that the text stays as it is. */
static void say(Client *c, int type, const unsigned char *text, size_t size) {
  unsigned char frame[256] = {type, 0x80 | size};
  memcpy(frame + 6, text, size);
  if (write(c->fd, frame, size + 6) != (ssize_t)size + 6 && errno != EPIPE && errno != ECONNRESET) die("write");
}

static void ask(Client *c) {
  char text[512];
  int size = snprintf(text, sizeof text,
                      "GET /socket.io/?EIO=4&transport=websocket&uid=u%d HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                      first + c->index);
  if (write(c->fd, text, size) != size) die("write");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(queue, EPOLL_CTL_MOD, c->fd, &event);
  c->state = ASKED;
}

static void go_on(Client *clients) {
  while (opening < AT_ONCE && next_client < count) {
    opening++;
    dial(&clients[next_client++]);
  }
}

static void lost(Client *c) {
  close(c->fd);
  if (c->state == OPEN) {
    opened--;
    cut++;
    c->state = CUT;
    return;
  }
  /* Refused: an agent and its targets take so many new sessions at a time. */
  usleep(1000);
  dial(c);
}

static void hear(Client *c, int type, const unsigned char *text, size_t size, Client *clients) {
  if (type == 0x89) say(c, 0x8a, text, size);
  if (type != 0x81 || size == 0) return;
  if (text[0] == '2') say(c, 0x81, (const unsigned char *)"3", 1);
  if (size < 2 || text[0] != '4') return;
  if (text[1] == '0' && c->state == UPGRADED) {
    c->state = OPEN;
    opening--;
    if (++opened == count && write(1, "ready\n", 6) != 6) die("write");
    go_on(clients);
  }
  if (text[1] == '2' && memmem(text, size, "\"check\"", 7) != NULL) {
    events++;
    c->events++;
  }
}

/* Takes whole frames off the front. Returns how many bytes are left. */
static size_t take(Client *c, unsigned char *bytes, size_t size, Client *clients) {
  size_t at = 0;
  while (size - at >= 2) {
    size_t head = 2, length = bytes[at + 1];
    if (length >= 126) {
      if (length == 127) die("too long a frame");
      if (size - at < 4) break;
      head = 4;
      length = bytes[at + 2] << 8 | bytes[at + 3];
    }
    if (size - at < head + length) break;
    hear(c, bytes[at], bytes + at + head, length, clients);
    at += head + length;
  }
  memmove(bytes, bytes + at, size - at);
  return size - at;
}

static void read_from(Client *c, Client *clients) {
  static unsigned char buffer[REST + BUFFER];
  if (c->held > 0) memcpy(buffer, c->rest, c->held);
  ssize_t got = read(c->fd, buffer + c->held, BUFFER);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    lost(c);
    return;
  }
  size_t size = c->held + got;
  if (c->state == ASKED) {
    unsigned char *end = memmem(buffer, size, "\r\n\r\n", 4);
    if (end != NULL) {
      if (memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
        lost(c);
        return;
      }
      c->state = UPGRADED;
      say(c, 0x81, (const unsigned char *)"40", 2);
      size -= end + 4 - buffer;
      memmove(buffer, end + 4, size);
    }
  }
  if (c->state >= UPGRADED) size = take(c, buffer, size, clients);
  if (size > REST) die("too much of a frame");
  if (size > 0) {
    if (c->rest == NULL) c->rest = malloc(REST);
    memcpy(c->rest, buffer, size);
  }
  c->held = size;
}

static void tell(Client *clients) {
  char line[256];
  if (read(0, line, sizeof line) <= 0) exit(0);
  int most = 0;
  for (int i = 0; i < count; i++) {
    if (clients[i].events > most) most = clients[i].events;
    clients[i].events = 0;
  }
  int size = snprintf(line, sizeof line, "open %d cut %d events %d most %d\n", opened, cut, events, most);
  events = 0;
  if (write(1, line, size) != size) die("write");
}

int main(int argc, char **argv) {
  if (argc < 4) die("usage");
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  count = atoi(argv[1]);
  first = atoi(argv[2]);
  port_count = argc - 3;
  for (int i = 0; i < port_count; i++) ports[i] = atoi(argv[3 + i]);
  queue = epoll_create1(0);
  Client *clients = calloc(count, sizeof *clients);
  for (int i = 0; i < count; i++) clients[i].index = i;
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(queue, EPOLL_CTL_ADD, 0, &input);
  go_on(clients);
  struct epoll_event list[EVENTS];
  for (;;) {
    int n = epoll_wait(queue, list, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      Client *c = list[i].data.ptr;
      if (c == NULL) tell(clients);
      else if (c->state == NEW && (list[i].events & (EPOLLERR | EPOLLHUP))) lost(c);
      else if (c->state == NEW) ask(c);
      else read_from(c, clients);
    }
  }
}
