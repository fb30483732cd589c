/*
 * The load of the benchmark and the targets behind it: one thread, one epoll, no allocation per message, so that on one core they are
 * not the limit of what is measured on the other.
 *
 *   load target PORT [resumes]                  answers GET with 1 KB, upgrades to WebSocket and echoes; says that its sessions can be moved
 *   load ws PORT CONNECTIONS SIZE WINDOW MS     keeps WINDOW messages of SIZE bytes on their way on each connection
 *   load paced PORT CONNECTIONS SIZE RATE MS    sends RATE messages of SIZE bytes a second, over all connections in turn, and says how long echoes took
 *   load idle PORT CONNECTIONS                  opens that many WebSockets, says so, and holds them until its input ends
 *   load upgrades PORT CONCURRENCY MS           opens a WebSocket and closes it, over and over
 *   load http PORT CONNECTIONS MS               sends GET over and over on kept connections
 *
 * Every answer is checked; the first wrong one ends the program. Masks are all zero, so payloads stay as they are. Every close is a reset:
 * nothing stays behind in the kernel for a minute, where it would take ports from what is measured next, and count as its memory.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 17, EVENTS = 512, ANSWER = 1024, WARM = 10000 };

typedef struct {
  int fd;
  int upgraded;
  int outgoing;      /* messages on their way */
  long long awaited; /* paced: the number of the message whose echo comes next */
  size_t in, out, sent;
  unsigned char *input, *output;
} Connection;

static int queue, port, window, size, connections;
static long long messages, opened, failures;
static char mode, resumes;
static unsigned char *frame;
static size_t frame_size;
static char answer_http[ANSWER + 256];
static size_t answer_http_size;
/* Paced: message k goes over connection k % connections and is due at start + k / rate, whatever became of those before it. */
static Connection **all;
static int timer;
static double rate, start, *late, *took;
static long long sent, total;

static const char handshake[] =
    "GET /?user=load HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char granted[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char granted_resumable[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Gopush-Resume: bench\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char get[] = "GET /?user=load HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

static void die(const char *what) {
  fprintf(stderr, "load: %s (%s)\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void watch(Connection *c, int events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(queue, operation, c->fd, &event) < 0) die("epoll_ctl");
}

static Connection *add(int fd, int events) {
  int on = 1;
  struct linger reset = {1, 0};
  Connection *c = calloc(1, sizeof *c);
  c->fd = fd;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch(c, events, EPOLL_CTL_ADD);
  return c;
}

static void drop(Connection *c) {
  close(c->fd);
  free(c->input);
  free(c->output);
  free(c);
}

static void flush(Connection *c) {
  while (c->sent < c->out) {
    ssize_t n = write(c->fd, c->output + c->sent, c->out - c->sent);
    if (n < 0 && errno == EAGAIN) {
      watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      return;
    }
    if (n < 0) return;
    c->sent += n;
  }
  if (c->out > 0) watch(c, EPOLLIN, EPOLL_CTL_MOD);
  c->out = c->sent = 0;
}

static void put(Connection *c, const void *bytes, size_t n) {
  if (c->output == NULL) c->output = malloc(4 * BUFFER);
  if (c->out + n > 4 * BUFFER) die("a connection does not keep up");
  memcpy(c->output + c->out, bytes, n);
  c->out += n;
}

static Connection *dial(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  /* Over several loopback addresses, so that thousands of connections find free ports. */
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + opened % 8)};
  int on = 1;
  setsockopt(fd, SOL_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  Connection *c = add(fd, EPOLLIN);
  opened++;
  if (mode == 'h') put(c, get, sizeof get - 1);
  else put(c, handshake, sizeof handshake - 1);
  flush(c);
  return c;
}

static void speak(Connection *c) {
  while (c->outgoing < window) {
    put(c, frame, frame_size);
    c->outgoing++;
  }
  flush(c);
}

static double due(long long k) {
  return start + k / rate;
}

/* Sends what is due by now, and has the timer ring for the next one. Spinning would be more exact, and take the core from the target. */
static void send_due(void) {
  for (double t; sent < total && due(sent) <= (t = now()); sent++) {
    Connection *c = all[sent % connections];
    late[sent] = t - due(sent);
    put(c, frame, frame_size);
    flush(c);
  }
  /* All zero, it never rings again. */
  struct itimerspec next = {0};
  if (sent < total) {
    next.it_value.tv_sec = due(sent);
    next.it_value.tv_nsec = (due(sent) - next.it_value.tv_sec) * 1e9;
  }
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &next, NULL);
}

/* How many bytes the frame at the start takes; 0 while that is not known. */
static size_t frame_length(const unsigned char *b, size_t n, size_t *head) {
  if (n < 2) return 0;
  size_t length = b[1] & 127;
  *head = 2;
  if (length == 126) {
    if (n < 4) return 0;
    length = b[2] << 8 | b[3];
    *head = 4;
  } else if (length == 127) die("a frame is too long");
  if (b[1] & 128) *head += 4;
  return *head + length;
}

/* One message of the target or of the load; bytes used, 0 for "more", -1 for "the connection is gone". */
static ssize_t take(Connection *c, unsigned char *b, size_t n) {
  size_t head;
  if (mode == 't' && !c->upgraded) {
    unsigned char *end = memmem(b, n, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    *end = 0;
    if (strcasestr((char *)b, "\r\nUpgrade:") != NULL) {
      c->upgraded = 1;
      if (resumes) put(c, granted_resumable, sizeof granted_resumable - 1);
      else put(c, granted, sizeof granted - 1);
    } else put(c, answer_http, answer_http_size);
    return end + 4 - b;
  }
  if (mode == 'h') {
    unsigned char *end = memmem(b, n, "\r\n\r\n", 4);
    if (end == NULL || (size_t)(end + 4 - b) + ANSWER > n) return 0;
    if (memcmp(b, "HTTP/1.1 200", 12) != 0) die("an answer is not 200");
    messages++;
    put(c, get, sizeof get - 1);
    return end + 4 - b + ANSWER;
  }
  if (!c->upgraded) {
    unsigned char *end = memmem(b, n, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    if (memcmp(b, "HTTP/1.1 101", 12) != 0) die((char *)b);
    c->upgraded = 1;
    messages += mode != 'w';
    if (mode == 'u') {
      drop(c);
      dial();
      return -1;
    }
    if (mode == 'w') speak(c);
    return end + 4 - b;
  }
  size_t length = frame_length(b, n, &head);
  if (length == 0 || length > n) return 0;
  if (mode == 't') {
    unsigned char echo[4];
    size_t payload = length - head;
    echo[0] = b[0];
    echo[1] = payload < 126 ? payload : 126;
    echo[2] = payload >> 8;
    echo[3] = payload & 255;
    put(c, echo, payload < 126 ? 2 : 4);
    put(c, b + head, payload);
  } else {
    if (length - head != (size_t)size || memcmp(b + head, frame + frame_size - size, size) != 0) die("an echo is wrong");
    messages++;
    if (mode == 'p') {
      if (c->awaited >= sent) die("an echo of nothing");
      took[c->awaited] = now() - due(c->awaited);
      c->awaited += connections;
    } else {
      c->outgoing--;
      put(c, frame, frame_size);
      c->outgoing++;
    }
  }
  return length;
}

static void receive(Connection *c) {
  static unsigned char shared[BUFFER];
  unsigned char *b = shared;
  size_t had = c->in;
  if (had > 0) memcpy(shared, c->input, had);
  ssize_t n = read(c->fd, b + had, BUFFER - had - 1);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    if (mode == 'p' || mode == 'i') die("a connection ended");
    if (mode != 't') failures++;
    drop(c);
    if (mode == 'h' || mode == 'u') dial();
    return;
  }
  size_t all = had + n, used = 0;
  while (used < all) {
    ssize_t took = take(c, b + used, all - used);
    if (took < 0) return;
    if (took == 0) break;
    used += took;
  }
  c->in = all - used;
  if (c->in > 0) {
    if (c->input == NULL) c->input = malloc(BUFFER);
    memcpy(c->input, b + used, c->in);
  }
  flush(c);
}

static void loop(int listener, double until) {
  struct epoll_event events[EVENTS];
  for (double left = 0; until == 0 || (left = until - now()) > 0;) {
    int n = epoll_wait(queue, events, EVENTS, until == 0 ? -1 : left * 1e3 + 1);
    for (int i = 0; i < n; i++) {
      Connection *c = events[i].data.ptr;
      if (c == NULL && mode == 'p') {
        send_due();
      } else if (c == NULL) {
        for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) add(fd, EPOLLIN);
      } else {
        if (events[i].events & EPOLLOUT) flush(c);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
      }
    }
  }
}

static void serve(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) die("listen");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
  answer_http_size = sprintf(answer_http, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", ANSWER);
  memset(answer_http + answer_http_size, 'x', ANSWER);
  answer_http_size += ANSWER;
  puts("ready");
  fflush(stdout);
  loop(listener, 0);
}

static void report(double seconds) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"perSecond\":%.0f,\"failures\":%lld,\"cpuSeconds\":%.2f}\n", messages / seconds, failures, cpu);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_parts(const char *name, double *seconds, long long n) {
  qsort(seconds, n, sizeof *seconds, ascending);
  printf("\"%s\":{\"p50\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f},", name, seconds[n / 2] * 1e6, seconds[n * 99 / 100] * 1e6,
         seconds[n * 999 / 1000] * 1e6, seconds[n - 1] * 1e6);
}

/*
 * The messages of the first second are not counted. An echo is as old as its message is overdue: what waits behind a stall, be it here,
 * counts with all its wait. How late messages were sent tells how much of that is the load's own.
 */
static void pace(double seconds) {
  long long warm = rate;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  while (messages < connections) loop(-1, now() + 0.05);
  messages = 0;
  total = warm + rate * seconds;
  late = calloc(total, sizeof *late);
  took = calloc(total, sizeof *took);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  if (timer < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, timer, &event) < 0) die("timer");
  start = now();
  send_due();
  while (messages < total && now() < due(total) + 10) loop(-1, now() + 0.05);
  printf("{");
  print_parts("took", took + warm, total - warm);
  print_parts("late", late + warm, total - warm);
  printf("\"messages\":%lld,\"failures\":%lld}\n", total - warm, total - messages);
}

int main(int argc, char **argv) {
  if (argc < 3) die("usage: see the head of load.c");
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  queue = epoll_create1(0);
  mode = argv[1][0];
  port = atoi(argv[2]);
  resumes = argc > 3 && strcmp(argv[3], "resumes") == 0;
  if (mode == 't') serve();
  connections = argc > 3 ? atoi(argv[3]) : 1;
  size = mode == 'w' || mode == 'p' ? atoi(argv[4]) : 0;
  window = mode == 'w' ? atoi(argv[5]) : 0;
  rate = mode == 'p' ? atoi(argv[5]) : 0;
  double seconds = argc > 4 ? atoi(argv[argc - 1]) / 1e3 : 0;

  frame = calloc(1, size + 8);
  /* A text, as Socket.IO sends. */
  frame[0] = 0x81;
  if (size < 126) frame[1] = 0x80 | size;
  else frame[1] = 0x80 | 126, frame[2] = size >> 8, frame[3] = size & 255;
  frame_size = (size < 126 ? 6 : 8) + size;
  memset(frame + frame_size - size, 'm', size);

  all = calloc(connections, sizeof *all);
  for (int i = 0; i < connections; i++) {
    all[i] = dial();
    all[i]->awaited = i;
    if (i % 64 == 63) loop(-1, now() + 0.001);
  }
  if (mode == 'i') {
    while (messages < connections) loop(-1, now() + 0.05);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {}
    return 0;
  }
  if (mode == 'p') {
    pace(seconds);
    return 0;
  }
  /* Until compilers have seen enough of it, on a machine with other work, too. */
  double warm = now();
  do loop(-1, now() + seconds / 2);
  while (messages < WARM && now() < warm + 20);
  messages = 0;
  puts("measuring");
  fflush(stdout);
  start = now();
  loop(-1, start + seconds);
  report(now() - start);
  return 0;
}
