/*
 * The floor: what the kernel alone costs. Every query comes back as a reply with one A record, in
 * batches of recvmmsg and sendmmsg, with no look-up and no policy. Also the fake authoritative
 * server of the forwarding benchmarks: each name gets the address that its bytes hash to.
 *
 *   echo ADDRESS PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 4096 };

static unsigned char bytes[BATCH][SIZE];
static struct mmsghdr vec[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in from[BATCH];

/* Turns the query in `m` into its reply; 0 drops it. */
static unsigned reply(unsigned char *m, unsigned length) {
  if (length < 17 || (m[2] & 0x80)) return 0;
  unsigned at = 12, hash = 2166136261u;
  while (at < length && m[at] != 0) {
    if (m[at] > 63) return 0;
    unsigned end = at + m[at] + 1;
    for (; at < end && at < length; at++) hash = (hash ^ m[at]) * 16777619u;
  }
  at += 5;
  if (at > length || at + 16 > SIZE) return 0;
  static const unsigned char record[12] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4};
  memcpy(m + at, record, 12);
  m[at + 12] = 10;
  m[at + 13] = hash >> 16;
  m[at + 14] = hash >> 8;
  m[at + 15] = hash;
  m[2] = 0x84 | (m[2] & 1);
  m[3] = 0x80;
  m[6] = 0; m[7] = 1;
  memset(m + 8, 0, 4);
  return at + 16;
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
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
    /* Dropped messages leave as empty datagrams would: so they are swapped out of the batch. */
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
