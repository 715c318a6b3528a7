/* The floor: a bare loop in C that makes only the system calls that any such chat server needs.
 *
 * On the first port, each received line is sent to every connection with one send().  On the second,
 * a GET with since=N is answered with the lines after the Nth, at once or when there are any: one
 * recv() and one send() per poll.  It has no limits, names or errors: it is a yardstick, not a server.
 * It prints its two ports. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 1 << 20, LINES = 1 << 22, KEPT = 500, LINE = 1024 };

static char *lines[LINES];
static int line_count;
static int readers[DESCRIPTORS], reader_count;
static int waiting[DESCRIPTORS], since[DESCRIPTORS], waiting_count;
static char is_reader[DESCRIPTORS];

static int listening(void) {
  struct sockaddr_in place = {.sin_family = AF_INET};
  socklen_t length = sizeof place;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&place, length) || listen(fd, 4096)) exit(1);
  getsockname(fd, (struct sockaddr *)&place, &length);
  printf("port %d\n", ntohs(place.sin_port));
  fflush(stdout);
  return fd;
}

/* The answer is made once for all polls with the same cursor. */
static void answer(int fd, int place) {
  static char whole[KEPT * LINE + 256], body[KEPT * LINE];
  static int made_for = -1, made_of = -1, length;
  if (place != made_for || line_count != made_of) {
    int end = sprintf(body, "{\"next\":%d,\"events\":[", line_count);
    int first = place < line_count - KEPT ? line_count - KEPT : place;
    for (int i = first; i < line_count; i++)
      end += sprintf(body + end, "%s\"%s\"", i > first ? "," : "", lines[i]);
    end += sprintf(body + end, "]}");
    length = sprintf(whole, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", end, body);
    made_for = place;
    made_of = line_count;
  }
  send(fd, whole, length, MSG_NOSIGNAL);
}

static void drop(int fd) {
  close(fd);
  for (int i = 0; i < reader_count; i++)
    if (readers[i] == fd) readers[i] = readers[--reader_count];
  for (int i = 0; i < waiting_count; i++)
    if (waiting[i] == fd) {
      waiting[i] = waiting[--waiting_count];
      since[i] = since[waiting_count];
    }
}

static void take_lines(char *data) {
  for (char *end; (end = strchr(data, '\n')); data = end + 1) {
    for (int i = 0; i < reader_count; i++) send(readers[i], data, end + 1 - data, MSG_NOSIGNAL);
    *end = 0;
    if (line_count < LINES) lines[line_count++] = strndup(data, LINE - 8);
  }
}

static void take_poll(int fd, const char *data) {
  const char *cursor = strstr(data, "since=");
  int place = cursor ? atoi(cursor + 6) : 0;
  if (place < line_count) {
    answer(fd, place);
    return;
  }
  waiting[waiting_count] = fd;
  since[waiting_count++] = place;
}

int main(void) {
  static char data[1 << 16];
  int push = listening(), poll = listening(), poller = epoll_create1(0), yes = 1;
  struct epoll_event event = {.events = EPOLLIN}, events[512];
  event.data.fd = push, epoll_ctl(poller, EPOLL_CTL_ADD, push, &event);
  event.data.fd = poll, epoll_ctl(poller, EPOLL_CTL_ADD, poll, &event);
  for (;;) {
    int some = epoll_wait(poller, events, 512, -1), before = line_count;
    for (int i = 0; i < some; i++) {
      int fd = events[i].data.fd;
      if (fd == push || fd == poll) {
        int fresh = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
        if (fresh < 0) continue;
        setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        event.data.fd = fresh, epoll_ctl(poller, EPOLL_CTL_ADD, fresh, &event);
        if ((is_reader[fresh] = fd == push)) readers[reader_count++] = fresh;
        continue;
      }
      ssize_t got = recv(fd, data, sizeof data - 1, 0);
      if (got <= 0) {
        drop(fd);
        continue;
      }
      data[got] = 0;
      if (is_reader[fd])
        take_lines(data);
      else
        take_poll(fd, data);
    }
    if (line_count > before) {
      int held = waiting_count;
      waiting_count = 0;
      for (int i = 0; i < held; i++) answer(waiting[i], since[i]);
    }
  }
}
