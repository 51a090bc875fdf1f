/* What the wire server and the wire floor client share: pinning, the WebSocket handshake. */
#ifndef TIERCEL_WIRE_H
#define TIERCEL_WIRE_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void pin(int cpu) {
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void no_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* The kernel acknowledges inside the read of a connection that it takes for one that only hears: 1.5 us
 * between an arrival and its stamp. `wait_...` keeps acknowledgements for the next frame that is sent;
 * `acknowledge` sends what is due first. */
static void wait_with_acknowledging(int fd) {
    int later = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &later, sizeof later);
}

static void acknowledge(int fd) {
    int now = 2;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
    wait_with_acknowledging(fd);
}

/* One complete frame at p[0..n): returns its whole length and sets the payload, 0 = not complete. */
static size_t frame_at(unsigned char *p, size_t n, unsigned char **payload, size_t *length) {
    if (n < 2) return 0;
    size_t head = 2, size = p[1] & 127;
    if (size == 126) {
        if (n < 4) return 0;
        size = (size_t)p[2] << 8 | p[3];
        head = 4;
    } else if (size == 127) {
        if (n < 10) return 0;
        size = 0;
        for (int i = 0; i < 8; i++) size = size << 8 | p[2 + i];
        head = 10;
    }
    if (p[1] & 128) head += 4;
    if (n < head + size) return 0;
    *payload = p + head;
    *length = size;
    return head + size;
}
#endif
