/* A reconnect storm: clients that come back at once, each with its cursor.
 *
 * Arguments are name=value; bytes are in hexadecimal:
 *   port= connections= pid=    the port, the number of clients, the server's process
 *   ask= until=                what each sends on connecting, and the last bytes that it waits for
 *   tls=1 resume=1             the clients speak TLS, and resume sessions (`secure.h`)
 *
 * It prints one line of JSON when all have what they wait for, or none has got on for a while: the seconds
 * since the first began, the server's and its own CPU time, how many clients were caught up, and how many
 * resumed a session.  No more than `WAVE` connect at a time, or the kernel's queue of new connections
 * overflows, and clients try again after a second. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "secure.h"

enum { WAVE = 1000, AT_ONCE = 256, TAIL = 4096 };
static const double PATIENCE = 20;

enum state { CONNECTING, ASKED, CAUGHT_UP };

struct client {
  int fd;
  SSL *tls;
  enum state state;
  size_t kept; /* bytes of the input's end, in which `until` may have begun */
  char tail[TAIL];
};

static int port, count = 1;
static pid_t pid;
static char ask[4096], until[512];
static size_t ask_size, until_size;
static struct client *clients;
static int poller, begun, caught_up;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time)) fail("a clock");
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
  clockid_t clock;
  if (clock_getcpuclockid(pid, &clock)) fail("the server's clock");
  return seconds(clock);
}

static void begin(void) {
  struct client *one = &clients[begun];
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = one};
  int yes = 1;
  one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (one->fd < 0) fail("socket");
  setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(one->fd, (struct sockaddr *)&place, sizeof place) && errno != EINPROGRESS) fail("connect");
  one->tls = secured(one->fd);
  if (epoll_ctl(poller, EPOLL_CTL_ADD, one->fd, &event)) fail("epoll_ctl");
  begun++;
}

/* The connection is there: shake hands, and ask. */
static void go_on(struct client *one) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
  ssize_t done = shake_hands(one->tls);
  if (done > 0) {
    if (give(one->tls, one->fd, ask, ask_size) != (ssize_t)ask_size) fail("a client cannot ask");
    one->state = ASKED;
  } else if (errno != EAGAIN) {
    fail("the TLS handshake");
  }
  epoll_ctl(poller, EPOLL_CTL_MOD, one->fd, &event);
}

static void hear(struct client *one) {
  static char data[TAIL + (1 << 16)];
  for (;;) {
    memcpy(data, one->tail, one->kept);
    ssize_t got = take(one->tls, one->fd, data + one->kept, 1 << 16);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) fail("a client's connection ended");
    size_t have = one->kept + got;
    if (one->state == ASKED && memmem(data, have, until, until_size)) one->state = CAUGHT_UP, caught_up++;
    one->kept = have < until_size ? have : until_size - 1;
    memcpy(one->tail, data + have - one->kept, one->kept);
  }
}

static void turn(void) {
  struct epoll_event events[AT_ONCE];
  int some = epoll_wait(poller, events, AT_ONCE, 100);
  for (int i = 0; i < some; i++) {
    struct client *one = events[i].data.ptr;
    if (one->state == CONNECTING) go_on(one);
    if (one->state != CONNECTING) hear(one);
  }
}

static size_t from_hex(char *to, size_t room, const char *text) {
  size_t size = strlen(text) / 2;
  if (size >= room) errno = 0, fail("an argument is too long");
  for (size_t i = 0; i < size; i++) sscanf(text + 2 * i, "%2hhx", (unsigned char *)to + i);
  return size;
}

static void parse(const char *name, const char *value) {
  if (!strcmp(name, "port")) port = atoi(value);
  if (!strcmp(name, "connections")) count = atoi(value);
  if (!strcmp(name, "pid")) pid = atoi(value);
  if (!strcmp(name, "tls")) tls = atoi(value);
  if (!strcmp(name, "resume")) resume = atoi(value);
  if (!strcmp(name, "ask")) ask_size = from_hex(ask, sizeof ask, value);
  if (!strcmp(name, "until")) until_size = from_hex(until, sizeof until, value);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) continue;
    *value = 0;
    parse(argv[i], value + 1);
  }
  poller = epoll_create1(0);
  clients = calloc(count + resume, sizeof *clients);
  if (resume) { /* one client before the storm, for its ticket */
    begin();
    while (!caught_up) turn();
    if (!has_ticket()) errno = 0, fail("no session ticket came");
    clients++, begun = caught_up = 0;
  }
  double start = seconds(CLOCK_MONOTONIC), spent = cpu(), own = seconds(CLOCK_PROCESS_CPUTIME_ID);
  double last = start;
  for (int before = 0; caught_up < count && seconds(CLOCK_MONOTONIC) < last + PATIENCE;) {
    while (begun < count && begun - caught_up < WAVE) begin();
    turn();
    if (caught_up > before) before = caught_up, last = seconds(CLOCK_MONOTONIC);
  }
  printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"own\": %.6f, \"caught_up\": %d, \"resumed\": %lu}\n",
         last - start, cpu() - spent, seconds(CLOCK_PROCESS_CPUTIME_ID) - own, caught_up, resumed);
  return 0;
}
