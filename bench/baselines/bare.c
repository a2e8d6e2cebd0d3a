/*
 * The kernel's price of a delivery: accepts sockets, and for each line "EVENTS SERIAL" of standard
 * input writes that many frames, one write a socket. The payload comes in BENCH_EVENT; the serial
 * lies behind its first "id":"b. Ends with standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS_MAX = 20000, SERIAL_DIGITS = 9, EPOLL_EVENTS = 64 };

static int sockets[SOCKETS_MAX];
static int socket_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int listen_on_loopback(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
      listen(listener, 4096) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0)
    fail("listen");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static void accept_all(int listener) {
  for (;;) {
    int taken = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (taken < 0) return;
    int one = 1;
    setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (socket_count == SOCKETS_MAX) exit(1);
    sockets[socket_count++] = taken;
  }
}

/* A full socket is waited for: the loop has nothing better to do, and a frame is never cut. */
static void write_whole(int to, const char *bytes, size_t left) {
  while (left > 0) {
    ssize_t written = write(to, bytes, left);
    if (written > 0) {
      bytes += written;
      left -= (size_t)written;
    } else if (written < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = to, .events = POLLOUT};
      poll(&wait, 1, 1000);
    } else if (errno != EINTR) {
      return;
    }
  }
}

static void put_serial(char *digits, long serial) {
  for (int at = SERIAL_DIGITS - 1; at >= 0; at--, serial /= 10) digits[at] = (char)('0' + serial % 10);
}

static void write_to_all(const char *event, long events, long serial) {
  size_t size = strlen(event), head = size < 126 ? 2 : 4, frame = head + size;
  const char *mark = strstr(event, "\"id\":\"b");
  char *frames = malloc(frame * (size_t)events);
  if (frames == NULL || mark == NULL || size > 65535) fail("the event");
  for (long at = 0; at < events; at++) {
    unsigned char *to = (unsigned char *)frames + frame * (size_t)at;
    to[0] = 0x81;
    to[1] = head == 2 ? (unsigned char)size : 126;
    if (head == 4) to[2] = (unsigned char)(size >> 8), to[3] = (unsigned char)size;
    memcpy(to + head, event, size);
    put_serial((char *)to + head + (mark - event) + strlen("\"id\":\"b"), serial + at);
  }
  for (int at = 0; at < socket_count; at++) write_whole(sockets[at], frames, frame * (size_t)events);
  free(frames);
}

int main(void) {
  const char *event = getenv("BENCH_EVENT");
  if (event == NULL) return 1;
  int listener = listen_on_loopback(), poller = epoll_create1(0);
  struct epoll_event interest = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &interest);
  interest.data.fd = STDIN_FILENO;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &interest) < 0) fail("standard input");
  for (;;) {
    struct epoll_event ready[EPOLL_EVENTS];
    int count = epoll_wait(poller, ready, EPOLL_EVENTS, -1);
    for (int at = 0; at < count; at++) {
      if (ready[at].data.fd == listener) {
        accept_all(listener);
        continue;
      }
      char line[64];
      long events, serial;
      ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
      if (length <= 0) return 0;
      line[length] = 0;
      if (sscanf(line, "%ld %ld", &events, &serial) == 2) write_to_all(event, events, serial);
    }
  }
}
