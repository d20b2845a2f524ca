/*
 * The floor: what the kernel alone costs. Every query comes back as a reply with one A record, in
 * batches of recvmmsg and sendmmsg, with no look-up and no policy. Also the fake authoritative
 * server of the forwarding benchmarks: each name gets the address that its bytes hash to.
 *
 *   echo ADDRESS PORT        prints "ready" once it listens
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 4096, HEADER = 12, TYPE_A = 1 };

static unsigned char bytes[BATCH][SIZE];
static struct mmsghdr vec[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in from[BATCH];

/* Turns the query in `m` into its reply: A gets a record, other types none. Returns its length; 0 drops it. */
static unsigned reply(unsigned char *m, unsigned length) {
  if (length < HEADER + 5 || (m[2] & 0x80)) return 0;
  unsigned at = HEADER, hash = 2166136261u;
  while (at < length && m[at] != 0) {
    if (m[at] > 63) return 0;
    unsigned end = at + m[at] + 1;
    for (; at < end && at < length; at++) hash = (hash ^ m[at]) * 16777619u;
  }
  if (at + 5 > length || at + 5 + 16 > SIZE) return 0;
  unsigned type = m[at + 1] << 8 | m[at + 2];
  at += 5;
  m[2] = 0x84 | (m[2] & 1);
  m[3] = 0x80;
  memset(m + 6, 0, 6);
  if (type != TYPE_A) return at;
  static const unsigned char record[12] = {0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 14, 16, 0, 4};
  memcpy(m + at, record, sizeof record);
  m[at + 12] = 10;
  m[at + 13] = hash >> 16;
  m[at + 14] = hash >> 8;
  m[at + 15] = hash;
  m[7] = 1;
  return at + 16;
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int size = 4 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &own.sin_addr);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0) {
    perror("bind");
    return 1;
  }
  for (int i = 0; i < BATCH; i++) {
    iov[i].iov_base = bytes[i];
    vec[i].msg_hdr.msg_iov = &iov[i];
    vec[i].msg_hdr.msg_iovlen = 1;
    vec[i].msg_hdr.msg_name = &from[i];
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      iov[i].iov_len = SIZE;
      vec[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    int got = recvmmsg(fd, vec, BATCH, MSG_WAITFORONE, NULL);
    if (got < 0) {
      if (errno == EINTR) continue;
      perror("recvmmsg");
      return 1;
    }
    int count = 0;
    for (int i = 0; i < got; i++) {
      unsigned length = reply(bytes[i], vec[i].msg_len);
      if (length == 0) continue;
      if (count != i) {
        memcpy(bytes[count], bytes[i], length);
        from[count] = from[i];
      }
      iov[count++].iov_len = length;
    }
    for (int done = 0; done < count;) {
      int sent = sendmmsg(fd, vec + done, count - done, 0);
      done += sent > 0 ? sent : 1;
    }
  }
}
