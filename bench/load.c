/* The load generator: opens many connections to one server, and counts and times deliveries.
 *
 * It knows no protocol.  Its arguments contain the bytes to send on connecting, and the bytes around a
 * message's text.  A text begins with a stamp: "@@", the time of sending in sixteen hexadecimal digits,
 * and "@@".  Each stamp that a reader receives is a delivery, however it is framed.
 *
 * Arguments are name=value; bytes are in hexadecimal:
 *   kind=push|poll|speak|post  what the connections do, see `enum kind`
 *   port= connections= pid=    the port, the number of connections, the server's process
 *   ask= ask_after=            sent on connecting; a poll's cursor goes between the two
 *   mark= cursor=              the bytes before the cursor in an answer; the first cursor
 *   say_port= greet=           the speaker's port, and the bytes that it sends on connecting
 *   say= say_after= size=      the bytes around a text, and its length in bytes
 *   tls=1 resume=1             the readers speak TLS, and resume sessions (`secure.h`)
 *
 * It prints one line of JSON when all connections are open, and then one for each input line:
 *   window N WARM SECONDS      N messages under way at any time
 *   rate N WARM SECONDS        N messages a second
 *   speak 0 WARM SECONDS       each connection sends a message, and the next one when it is accepted
 *
 * `load_in_python.py` does the same where there is no C compiler, or no OpenSSL to compile with. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "secure.h"

enum kind {
  PUSH,  /* read whatever comes */
  POLL,  /* ask again from the new cursor after every answer */
  SPEAK, /* read, and speak again when the own message comes back */
  POST,  /* speak again after every answer */
};

enum {
  STAMP = 20,      /* bytes: @@, 16 digits, @@ */
  ROOM = 1 << 20,  /* bytes taken from a socket at once */
  AT_ONCE = 256,   /* events taken from epoll at once */
  BUCKETS = 64 * 32,
};

static const uint64_t SECOND = 1000000000, PATIENCE = 5 * SECOND, QUIET = SECOND / 4;

struct bytes {
  char *at;
  size_t size;
};

struct connection {
  int fd;
  SSL *tls;
  int open, ready;
  uint64_t said;     /* the stamp that this speaker waits for */
  struct bytes rest; /* the incomplete input */
  char cursor[64];
};

static enum kind kind = PUSH;
static int port, say_port, count = 1, size = 64;
static pid_t pid;
static struct bytes ask, ask_after, mark, greet, say, say_after;
static const char *first_cursor = "";

static struct connection *connections;
static int publisher = -1, poller, speaking;
static uint64_t delivered, answers, accepted, errors, latest;
static uint64_t timed_from = UINT64_MAX, timed_to, histogram[BUCKETS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Nanoseconds, strictly rising, so that a stamp identifies a message. */
static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  uint64_t then = time.tv_sec * SECOND + time.tv_nsec;
  return latest = then > latest ? then : latest + 1;
}

/* Seconds of CPU time that the server has used, in all its threads. */
static double cpu(void) {
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time)) fail("the server's clock");
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Kilobytes of memory that the server has resident. */
static long resident(void) {
  char name[64], line[256];
  long size = 0;
  snprintf(name, sizeof name, "/proc/%d/status", pid);
  FILE *file = fopen(name, "r");
  if (!file) fail(name);
  while (fgets(line, sizeof line, file) && sscanf(line, "VmRSS: %ld", &size) != 1) {}
  fclose(file);
  return size;
}

/* Buckets are a thirty-second of a power of two wide; their lower end is printed. */
static int bucket(uint64_t value) {
  if (value < 32) return value;
  int power = 63 - __builtin_clzll(value);
  return (power - 4) * 32 + ((value >> (power - 5)) & 31);
}

static uint64_t lower_end(int bucket) {
  return bucket < 32 ? (uint64_t)bucket : (uint64_t)(32 + bucket % 32) << (bucket / 32 - 1);
}

/* Messages sent during the measurement count whenever they arrive: the last are the slowest. */
static void take_time(uint64_t said, uint64_t heard) {
  if (said >= timed_from && said < timed_to) histogram[bucket(heard - said)]++;
}

static void send_all(SSL *tls, int fd, const char *data, size_t size) {
  while (size) {
    ssize_t sent = give(tls, fd, data, size);
    if (sent < 0 && errno != EAGAIN) {
      errors++;
      return;
    }
    if (sent > 0) data += sent, size -= sent;
  }
}

static int dial(int port) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&place, sizeof place)) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

static void watch(int fd, unsigned index) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static uint64_t publish(SSL *tls, int fd) {
  static char message[1 << 16];
  uint64_t stamp = now();
  memcpy(message, say.at, say.size);
  char *text = message + say.size;
  memset(text, 'x', size);
  sprintf(text, "@@%016lx@@", stamp);
  text[STAMP] = 'x';
  memcpy(text + size, say_after.at, say_after.size);
  send_all(tls, fd, message, say.size + size + say_after.size);
  return stamp;
}

static void speak(struct connection *one) {
  if (speaking && one->ready && !one->said) one->said = publish(one->tls, one->fd);
}

static void ask_again(struct connection *one) {
  char request[4096];
  int length = snprintf(request, sizeof request, "%.*s%s%.*s", (int)ask.size, ask.at, one->cursor,
                        (int)ask_after.size, ask_after.at);
  send_all(one->tls, one->fd, request, length);
}

/* Count the stamps; returns the number of bytes consumed. */
static size_t count_stamps(struct connection *one, char *data, size_t size, uint64_t when) {
  char *at = data, *end = data + size;
  while ((at = memmem(at, end - at, "@@", 2)) && end - at >= STAMP) {
    char *digits_end;
    uint64_t stamp = strtoull(at + 2, &digits_end, 16);
    if (digits_end != at + 18 || memcmp(digits_end, "@@", 2)) {
      at++;
      continue;
    }
    at += STAMP;
    delivered++;
    take_time(stamp, when);
    if (kind == SPEAK && stamp == one->said) {
      accepted++;
      one->said = 0;
      speak(one);
    }
  }
  if (at) return at - data;
  return size && data[size - 1] == '@' ? size - 1 : size;
}

/* Take one answer to a poll or a post, if it is complete; returns the number of bytes consumed. */
static size_t take_answer(struct connection *one, char *data, size_t size, uint64_t when) {
  char *body = memmem(data, size, "\r\n\r\n", 4);
  if (!body) return 0;
  *body = 0;
  char *length = strcasestr(data, "\r\ncontent-length:");
  *body = '\r';
  body += 4;
  size_t whole = body - data + (length ? strtoul(length + 17, NULL, 10) : 0);
  if (size < whole) return 0;
  answers++;
  if (strncmp(data, "HTTP/1.1 2", 10)) errors++;
  if (kind == POST) {
    take_time(one->said, when);
    accepted++;
    one->said = 0;
    speak(one);
    return whole;
  }
  count_stamps(one, body, data + whole - body, when);
  char *cursor = memmem(data, whole, mark.at, mark.size);
  if (cursor) {
    size_t space = data + whole - (cursor += mark.size);
    size_t length = strcspn(cursor, "\",}\r");
    if (length > space) length = space;
    if (length >= sizeof one->cursor) fail("a cursor that long");
    memcpy(one->cursor, cursor, length);
    one->cursor[length] = 0;
  } else {
    errors++;
  }
  ask_again(one);
  return whole;
}

static void receive(struct connection *one) {
  static char data[ROOM + 1];
  size_t have = one->rest.size;
  if (have >= ROOM / 2) fail("an answer that long");
  memcpy(data, one->rest.at, have);
  ssize_t got = take(one->tls, one->fd, data + have, ROOM - have);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    close(one->fd);
    one->open = 0;
    errors++;
    return;
  }
  uint64_t when = now();
  have += got;
  data[have] = 0;
  size_t done = 0, step = 1;
  if (kind == PUSH || kind == SPEAK)
    done = count_stamps(one, data, have, when);
  else
    while (step && done < have) done += step = take_answer(one, data + done, have - done, when);
  one->rest.size = have - done;
  if (have > done) {
    one->rest.at = realloc(one->rest.at, have - done);
    memcpy(one->rest.at, data + done, have - done);
  }
  if (!one->ready) {
    one->ready = 1;
    speak(one);
  }
}

/* Receive on all connections, after waiting at most so many milliseconds for input. */
static void listen_for(int patience) {
  static char unread[1 << 16];
  struct epoll_event events[AT_ONCE];
  int some = epoll_wait(poller, events, AT_ONCE, patience);
  for (int i = 0; i < some; i++) {
    unsigned index = events[i].data.u32;
    if (index < (unsigned)count)
      receive(&connections[index]);
    else if (recv(publisher, unread, sizeof unread, 0) == 0)
      errno = 0, fail("the publisher's connection was closed");
  }
}

/* Wait until the server has been idle for a while. */
static void settle(void) {
  uint64_t end = now() + 4 * PATIENCE;
  for (double before = -1, spent = cpu(); spent - before > 0.002 && now() < end; spent = cpu()) {
    before = spent;
    for (uint64_t quiet = now() + QUIET; now() < quiet;) listen_for(10);
  }
}

/* Make a connection for a session ticket, which comes in the first bytes of the server. */
static void take_ticket(void) {
  char answer[4096];
  struct connection one = {.fd = dial(port)};
  one.tls = secured(one.fd);
  if (shake_hands(one.tls) <= 0) fail("the TLS handshake");
  if (ask.size) ask_again(&one);
  fcntl(one.fd, F_SETFL, fcntl(one.fd, F_GETFL) | O_NONBLOCK);
  for (uint64_t end = now() + PATIENCE; !has_ticket() && now() < end;)
    if (take(one.tls, one.fd, answer, sizeof answer) <= 0 && errno != EAGAIN) break;
  if (!has_ticket()) errno = 0, fail("no session ticket came");
  close(one.fd);
}

static void connect_all(void) {
  poller = epoll_create1(0);
  if (say_port) {
    char answer[4096];
    publisher = dial(say_port);
    if (greet.size) {
      send_all(NULL, publisher, greet.at, greet.size);
      if (recv(publisher, answer, sizeof answer, 0) <= 0) fail("the publisher's greeting");
    }
    watch(publisher, count);
  }
  if (resume) take_ticket();
  settle();
  long memory = resident();
  double spent = cpu();
  uint64_t begun = now();
  connections = calloc(count, sizeof *connections);
  for (int i = 0; i < count; i++) {
    struct connection *one = &connections[i];
    one->fd = dial(port);
    one->tls = secured(one->fd);
    if (shake_hands(one->tls) <= 0) fail("the TLS handshake");
    one->open = 1;
    one->ready = kind == POST;
    strncpy(one->cursor, first_cursor, sizeof one->cursor - 1);
    if (ask.size) ask_again(one);
    watch(one->fd, i);
    if (i % 64 == 63) listen_for(0);
  }
  double seconds = (now() - begun) / 1e9;
  settle();
  printf("{\"cpu\": %.6f, \"seconds\": %.6f, \"kilobytes\": %ld, \"errors\": %lu, \"resumed\": %lu}\n",
         cpu() - spent, seconds, resident() - memory, errors, resumed);
  fflush(stdout);
}

struct tally {
  uint64_t time, delivered, answers, accepted, said;
  double cpu;
};

static struct tally taken(uint64_t said) {
  return (struct tally){now(), delivered, answers, accepted, said, cpu()};
}

static int under_way(uint64_t said, uint64_t base) {
  if (kind == SPEAK || kind == POST) {
    for (int i = 0; i < count; i++)
      if (connections[i].open && connections[i].said) return 1;
    return 0;
  }
  return delivered - base < said * count;
}

static void measure(const char *how, double many, double warm, double seconds) {
  int window = !strcmp(how, "window"), rate = !strcmp(how, "rate");
  uint64_t begun = now(), warmed = begun + warm * SECOND, last = begun, base = delivered;
  uint64_t said = 0, complete = 0, errors_before = errors, due = begun;
  struct tally from = {0}, to;
  int measuring = 0;
  timed_from = timed_to = UINT64_MAX;
  memset(histogram, 0, sizeof histogram);
  speaking = !window && !rate;
  if (speaking)
    for (int i = 0; i < count; i++) speak(&connections[i]);
  for (;;) {
    /* With a window, a measurement begins and ends when all readers have got a message. */
    uint64_t whole = (delivered - base) / count, time = now();
    if (window ? whole > complete : 1) {
      if (!measuring && time >= warmed) {
        measuring = 1;
        from = taken(said);
        timed_from = from.time;
      } else if (measuring && time >= from.time + (uint64_t)(seconds * SECOND)) {
        break;
      }
    }
    if (whole > complete || !window) last = time;
    if (time > last + PATIENCE) break;
    complete = whole;
    if (window) {
      while (said - complete < many) publish(NULL, publisher), said++;
    } else if (rate) {
      for (; due <= time; due += SECOND / many) publish(NULL, publisher), said++;
    }
    listen_for(rate && due > now() + SECOND / 1000 ? (due - now()) * 1000 / SECOND : 1);
  }
  to = taken(said);
  if (!measuring) from = to;
  timed_to = to.time;
  speaking = 0;
  /* Wait for the outstanding deliveries, as long as any arrive. */
  uint64_t seen = delivered + accepted;
  for (last = now(); under_way(said, base) && now() < last + PATIENCE;) {
    listen_for(10);
    if (seen != delivered + accepted) seen = delivered + accepted, last = now();
  }
  long lost = window || rate ? (long)(said * count) - (long)(delivered - base) : 0;
  printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"said\": %lu, \"delivered\": %lu, \"answers\": %lu, "
         "\"accepted\": %lu, \"lost\": %ld, \"errors\": %lu, \"latencies\": [",
         (to.time - from.time) / 1e9, to.cpu - from.cpu, to.said - from.said,
         to.delivered - from.delivered, to.answers - from.answers, to.accepted - from.accepted,
         lost, errors - errors_before);
  const char *comma = "";
  for (int i = 0; i < BUCKETS; i++)
    if (histogram[i]) {
      printf("%s[%lu, %lu]", comma, lower_end(i), histogram[i]);
      comma = ", ";
    }
  printf("]}\n");
  fflush(stdout);
}

static struct bytes from_hex(const char *text) {
  size_t size = strlen(text) / 2;
  char *bytes = malloc(size + 1);
  for (size_t i = 0; i < size; i++) {
    unsigned byte;
    sscanf(text + 2 * i, "%2x", &byte);
    bytes[i] = byte;
  }
  bytes[size] = 0;
  return (struct bytes){bytes, size};
}

static void parse(const char *name, const char *value) {
  static const char *kinds[] = {"push", "poll", "speak", "post"};
  const struct { const char *name; int *to; } numbers[] = {
      {"port", &port}, {"say_port", &say_port}, {"connections", &count}, {"size", &size}, {"pid", &pid},
      {"tls", &tls}, {"resume", &resume}};
  const struct { const char *name; struct bytes *to; } texts[] = {
      {"ask", &ask}, {"ask_after", &ask_after}, {"mark", &mark},
      {"greet", &greet}, {"say", &say}, {"say_after", &say_after}};
  for (int i = 0; i < 4; i++)
    if (!strcmp(name, "kind") && !strcmp(value, kinds[i])) kind = i;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!strcmp(name, numbers[i].name)) *numbers[i].to = atoi(value);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!strcmp(name, texts[i].name)) *texts[i].to = from_hex(value);
  if (!strcmp(name, "cursor")) first_cursor = from_hex(value).at;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) continue;
    *value = 0;
    parse(argv[i], value + 1);
  }
  connect_all();
  char line[256], how[16];
  double many, warm, seconds;
  while (fgets(line, sizeof line, stdin))
    if (sscanf(line, "%15s %lf %lf %lf", how, &many, &warm, &seconds) == 4)
      measure(how, many, warm, seconds);
  return 0;
}
