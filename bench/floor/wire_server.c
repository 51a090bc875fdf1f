/* The bench exchange: sends bookTicker frames and times the order that comes back for each.
 *
 *   wire_server PORT ping|paced COUNT RATE CPU CONNECTIONS OUTFILE [INSTRUMENTS]
 *
 * Ticks go round the instruments: S001USDT, S002USDT, ..., BTCUSDT (alone where there is one).
 * The first connection gets the ticks, orders may come on any. Prints "ready" when it listens,
 * waits for all connections and then for a line on stdin, so that clients can log on before the
 * clock runs: frames until then are not orders. Writes three int64 a tick to OUTFILE: the intended
 * send time, the real one, and the time its order was read (CLOCK_MONOTONIC ns). Ticks and orders
 * match first in, first out. A lane decides once for all ticks of a read, so when every tick has been
 * sent and no order has come for 100 ms, the rest are taken as answered by the last order; more than
 * one in twenty is a failure. Spins on its core; gives up after 60 s.
 *
 * Connections that only bring orders are acknowledged after the stamp, off the clock; on the first
 * one the next tick carries the acknowledgement (wire.h). */
#include "wire.h"

#include <poll.h>

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1(const uint8_t *text, size_t n, uint8_t out[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
    uint8_t block[128] = {0};
    memcpy(block, text, n); /* a handshake key and its suffix: 60 bytes, two blocks */
    block[n] = 0x80;
    size_t total = n < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++) block[total - 1 - i] = (uint8_t)((uint64_t)n * 8 >> 8 * i);
    for (size_t at = 0; at < total; at += 64) {
        for (int i = 0; i < 16; i++) {
            const uint8_t *p = block + at + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f, k;
            if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
            else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
            else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
            else f = b ^ c ^ d, k = 0xCA62C1D6;
            uint32_t t = rotate(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = t;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++) out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *in, int n, char *out) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < n ? in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0);
        *out++ = digit[v >> 18];
        *out++ = digit[v >> 12 & 63];
        *out++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digit[v & 63] : '=';
    }
    *out = 0;
}

static int shake_hands(int fd) {
    char request[8192];
    size_t n = 0;
    while (n < 4 || !memmem(request, n, "\r\n\r\n", 4)) {
        ssize_t r = read(fd, request + n, sizeof request - n - 1);
        if (r <= 0) return -1;
        n += (size_t)r;
    }
    request[n] = 0;
    char *p = strcasestr(request, "sec-websocket-key:");
    if (!p) return -1;
    p += strlen("sec-websocket-key:");
    while (*p == ' ') p++;
    char key[128];
    size_t length = strcspn(p, "\r\n");
    if (length > 60) return -1;
    memcpy(key, p, length);
    memcpy(key + length, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    uint8_t digest[20];
    char accept[40], reply[256];
    sha1((uint8_t *)key, length + 36, digest);
    base64(digest, 20, accept);
    int m = snprintf(reply, sizeof reply,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    return write(fd, reply, (size_t)m) == m ? 0 : -1;
}

typedef struct {
    int fd;
    size_t have;
    unsigned char *buffer;
} client;

enum { ROOM = 1 << 20 };

/* Read what is there; returns complete text frames counted, -1 when the peer is gone. */
static int take(client *c) {
    ssize_t r = read(c->fd, c->buffer + c->have, ROOM - c->have);
    if (r == 0) return -1;
    if (r < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    c->have += (size_t)r;
    size_t at = 0, used, length;
    unsigned char *payload;
    int orders = 0;
    while ((used = frame_at(c->buffer + at, c->have - at, &payload, &length))) {
        int opcode = c->buffer[at] & 15;
        at += used;
        if (opcode == 8) return -1;
        orders += opcode == 1 || opcode == 2;
    }
    memmove(c->buffer, c->buffer + at, c->have - at);
    c->have -= at;
    return orders;
}

int main(int argc, char **argv) {
    if (argc < 8) return 2;
    int ping = !strcmp(argv[2], "ping"), clients = atoi(argv[6]);
    long count = atol(argv[3]), sent = 0, got = 0;
    double rate = atof(argv[4]);
    long instruments = argc > 8 ? atol(argv[8]) : 1;
    if (instruments < 1 || instruments > 1000) return 2;
    pin(atoi(argv[5]));
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 8)) {
        perror("wire_server");
        return 1;
    }
    socklen_t size = sizeof address;
    getsockname(listener, (void *)&address, &size);
    printf("ready %d\n", ntohs(address.sin_port));
    fflush(stdout);
    client *c = calloc((size_t)clients, sizeof *c);
    for (int i = 0; i < clients; i++) {
        c[i].fd = accept(listener, 0, 0);
        c[i].buffer = malloc(ROOM);
        no_delay(c[i].fd);
        if (shake_hands(c[i].fd)) return 1;
        fcntl(c[i].fd, F_SETFL, O_NONBLOCK);
    }
    printf("connected\n");
    fflush(stdout);
    for (struct pollfd p = {0, POLLIN, 0}; poll(&p, 1, 1) == 0;)
        for (int i = 0; i < clients; i++)
            if (take(&c[i]) < 0) return 1;
    char line[16];
    if (!fgets(line, sizeof line, stdin)) return 1;
    for (int i = 0; i < clients; i++) take(&c[i]);

    int64_t *stamps = calloc((size_t)count * 3, sizeof *stamps);
    int64_t heard = 0, gap = ping ? 0 : (int64_t)(1e9 / rate), next = now_ns(), deadline = next + 60000000000LL;
    while (got < count) {
        int64_t t = now_ns();
        if (t > deadline) {
            fprintf(stderr, "wire_server: sent %ld, got %ld orders, giving up\n", sent, got);
            break;
        }
        if (!ping && sent == count && heard && t - heard > 100000000 && count - got <= count / 20) {
            while (got < count) stamps[3 * got++ + 2] = heard;
            break;
        }
        if (sent < count && (ping ? sent == got : t >= next)) {
            unsigned char frame[256];
            char symbol[16] = "BTCUSDT";
            if (sent % instruments < instruments - 1)
                snprintf(symbol, sizeof symbol, "S%03dUSDT", (int)(sent % instruments) % 1000 + 1);
            int64_t stamp = now_ns();
            int m = snprintf((char *)frame + 4, sizeof frame - 4,
                             "{\"e\":\"bookTicker\",\"u\":%ld,\"s\":\"%s\",\"b\":\"%ld.51000000\","
                             "\"B\":\"3.21450000\",\"a\":\"%ld.52000000\",\"A\":\"4.66120000\","
                             "\"T\":%ld,\"E\":%ld}",
                             400900217L + sent, symbol, 67234 + sent % 7, 67234 + sent % 7,
                             (long)(stamp / 1000000), (long)(stamp / 1000000));
            frame[0] = 0x81, frame[1] = 126, frame[2] = (unsigned char)(m >> 8), frame[3] = (unsigned char)m;
            stamps[3 * sent] = ping ? stamp : next;
            stamps[3 * sent + 1] = now_ns();
            sent++;
            if (write(c[0].fd, frame, (size_t)m + 4) != m + 4) return 1;
            next += gap;
        }
        for (int i = 0; i < clients; i++) {
            int orders = take(&c[i]);
            if (orders < 0) {
                fprintf(stderr, "wire_server: closed after %ld orders\n", got);
                goto done;
            }
            if (orders) {
                int64_t read_at = heard = now_ns();
                while (orders-- && got < sent) stamps[3 * got++ + 2] = read_at;
                if (i) acknowledge(c[i].fd);
                else wait_with_acknowledging(c[i].fd); /* the next tick carries it */
            }
        }
    }
done:;
    FILE *out = fopen(argv[7], "wb");
    if (!out) return 1;
    fwrite(stamps, 24, (size_t)got, out);
    fclose(out);
    return got == count ? 0 : 1;
}
