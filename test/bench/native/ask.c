/*
 * Measures latency: keeps so many queries outstanding, and takes the time of each from its sendto to
 * its recv. (dnsperf with one query outstanding waits up to 50 ms between queries of its own accord.)
 *
 *   ask ADDRESS PORT NAMES OUTSTANDING SECONDS GAP_US
 *
 * NAMES: a file of names, one a line, asked for A in turn. GAP_US: pause after each reply, for a steady
 * light load. Prints one JSON object; times in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_OUTSTANDING = 1024, MAX_SAMPLES = 4000000, LOST_AFTER_MS = 1000 };

static unsigned char (*queries)[300];
static unsigned *lengths;
static unsigned count;
static uint32_t *samples;
static unsigned sampled, asked, lost, wrong;
/* By slot: when it was asked, and the ID that its reply must carry; 0: free. */
static uint64_t askedAt[MAX_OUTSTANDING];
static uint16_t ids[MAX_OUTSTANDING];
static unsigned rounds[MAX_OUTSTANDING];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void readNames(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  unsigned room = 0;
  char line[300];
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, " \r\n")] = 0;
    if (count == room) {
      room = room == 0 ? 1024 : room * 2;
      queries = realloc(queries, room * sizeof *queries);
      lengths = realloc(lengths, room * sizeof *lengths);
    }
    unsigned char *q = queries[count];
    memset(q, 0, 12);
    q[2] = 1;
    q[5] = 1;
    unsigned at = 12;
    for (char *label = strtok(line, "."); label != NULL; label = strtok(NULL, ".")) {
      unsigned length = strlen(label);
      q[at++] = length;
      memcpy(q + at, label, length);
      at += length;
    }
    q[at++] = 0;
    memcpy(q + at, "\0\1\0\1", 4);
    lengths[count++] = at + 4;
  }
  fclose(file);
}

/* A slot's IDs are slot + k * MAX_OUTSTANDING, so that a late reply of an earlier turn is told apart. */
static void ask(int fd, unsigned slot) {
  unsigned which = asked++ % count;
  uint16_t id = slot + MAX_OUTSTANDING * (rounds[slot]++ % 64);
  ids[slot] = id;
  queries[which][0] = id >> 8;
  queries[which][1] = id;
  askedAt[slot] = now();
  send(fd, queries[which], lengths[which], 0);
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static double percentile(double share) {
  if (sampled == 0) return -1;
  unsigned at = share * (sampled - 1);
  return samples[at] / 1000.0;
}

int main(int argc, char **argv) {
  if (argc != 7) return 64;
  readNames(argv[3]);
  unsigned outstanding = atoi(argv[4]);
  double seconds = atof(argv[5]);
  unsigned gap = atoi(argv[6]);
  if (outstanding < 1 || outstanding > MAX_OUTSTANDING || count == 0) return 64;
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &peer.sin_addr);
  if (connect(fd, (struct sockaddr *)&peer, sizeof peer) != 0) {
    perror("connect");
    return 1;
  }
  uint64_t start = now(), end = start + seconds * 1e9;
  for (unsigned slot = 0; slot < outstanding; slot++) ask(fd, slot);
  while (now() < end && sampled < MAX_SAMPLES) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (outstanding > 1 && poll(&ready, 1, LOST_AFTER_MS) == 0) {
      for (unsigned slot = 0; slot < outstanding; slot++) {
        lost++;
        ask(fd, slot);
      }
      continue;
    }
    if (outstanding == 1) {
      struct timeval patience = {.tv_sec = LOST_AFTER_MS / 1000};
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    for (int flags = 0;; flags = MSG_DONTWAIT) {
      unsigned char reply[4096];
      ssize_t length = recv(fd, reply, sizeof reply, flags);
      if (length < 0) {
        if (flags == 0) {
          lost++;
          ask(fd, 0);
        }
        break;
      }
      uint64_t arrived = now();
      uint16_t id = reply[0] << 8 | reply[1];
      unsigned slot = id % MAX_OUTSTANDING;
      if (length < 12 || slot >= outstanding || ids[slot] != id) continue;
      if ((reply[3] & 15) != 0 || reply[7] == 0) wrong++;
      samples[sampled++] = arrived - askedAt[slot] > UINT32_MAX ? UINT32_MAX : arrived - askedAt[slot];
      if (gap > 0) usleep(gap);
      ask(fd, slot);
      if (outstanding == 1 || sampled == MAX_SAMPLES) break;
    }
  }
  double ran = (now() - start) / 1e9;
  qsort(samples, sampled, sizeof *samples, compare);
  printf("{\"asked\":%u,\"answered\":%u,\"lost\":%u,\"wrong\":%u,\"seconds\":%.3f,"
         "\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}\n",
         asked, sampled, lost, wrong, ran, percentile(0.5), percentile(0.9), percentile(0.99),
         percentile(0.999), percentile(1));
  return 0;
}
