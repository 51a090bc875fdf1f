/* WebSocket frames as a client reads and writes them (RFC 6455 sections 5.2 to 5.5), without I/O.
 *
 * The handshake is the library's. After it a spinning lane reads its sockets itself and finds the
 * frames here, and every lane writes its frames here: a header into the room in front of the text,
 * the text masked in place. No extension is ever agreed on, so a reserved bit is a fault. */
#ifndef TIERCEL_WEBSOCKET_H
#define TIERCEL_WEBSOCKET_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };
enum { WS_PARTIAL = 0, WS_WHOLE = 1, WS_BROKEN = -1, WS_TOO_LARGE = -2 };
enum { WS_HEAD = 14 /* the longest header */ };

typedef struct {
    size_t payload, n; /* where the payload begins in the bytes given, and its length */
    uint8_t opcode, fin;
} ws_frame;

/* The frame at [p, p + n): its whole length in `whole` (0 while not known), and WS_WHOLE when all of
 * it is there. `most`: the largest payload taken. */
static inline int ws_next(const uint8_t *p, size_t n, size_t most, ws_frame *f, size_t *whole) {
    memset(f, 0, sizeof *f);
    *whole = 0;
    if (n < 2) return WS_PARTIAL;
    size_t head = 2, size = p[1] & 127;
    f->opcode = p[0] & 15;
    f->fin = p[0] >> 7;
    if (p[0] & 0x70 || p[1] & 0x80 || (f->opcode > WS_BINARY && (f->opcode < WS_CLOSE || f->opcode > WS_PONG)))
        return WS_BROKEN; /* a reserved bit, a masked frame from a server, an opcode that is none */
    if (f->opcode >= WS_CLOSE && (!f->fin || size > 125)) return WS_BROKEN;
    if (size == 126) {
        if (n < 4) return WS_PARTIAL;
        size = (size_t)p[2] << 8 | p[3];
        if (size < 126) return WS_BROKEN;
        head = 4;
    } else if (size == 127) {
        uint64_t v;
        if (n < 10) return WS_PARTIAL;
        memcpy(&v, p + 2, 8);
        v = __builtin_bswap64(v);
        if (v < 65536 || v >> 63) return WS_BROKEN;
        if (v > most) return WS_TOO_LARGE;
        size = (size_t)v;
        head = 10;
    }
    if (size > most) return WS_TOO_LARGE;
    f->payload = head;
    f->n = size;
    *whole = head + size;
    return n < head + size ? WS_PARTIAL : WS_WHOLE;
}

/* Does a frame in [p, p + n) end a message? Pings, pongs, the first parts of a message, a close and
 * what is not whole do not. */
static inline int ws_message_follows(const uint8_t *p, size_t n, size_t most) {
    ws_frame f;
    size_t whole;
    while (ws_next(p, n, most, &f, &whole) == WS_WHOLE && f.opcode != WS_CLOSE) {
        if (f.opcode <= WS_BINARY && f.fin) return 1;
        p += whole, n -= whole;
    }
    return 0;
}

/* A client's frame around the text [p, p + n), which has WS_HEAD writable bytes in front and is
 * masked in place. Returns where the frame begins. */
static inline uint8_t *ws_wrap(int opcode, char *text, size_t n, uint32_t mask) {
    uint8_t *p = (uint8_t *)text, *h;
    uint64_t word = (uint64_t)mask << 32 | mask, v;
    size_t i = 0;
    if (n < 126) {
        h = p - 6;
        h[1] = 0x80 | (uint8_t)n;
    } else if (n < 65536) {
        h = p - 8;
        h[1] = 0x80 | 126;
        h[2] = (uint8_t)(n >> 8);
        h[3] = (uint8_t)n;
    } else {
        h = p - 14;
        h[1] = 0x80 | 127;
        v = __builtin_bswap64((uint64_t)n);
        memcpy(h + 2, &v, 8);
    }
    h[0] = 0x80 | (uint8_t)opcode;
    memcpy(p - 4, &mask, 4);
    for (; i + 8 <= n; i += 8) {
        memcpy(&v, p + i, 8);
        v ^= word;
        memcpy(p + i, &v, 8);
    }
    for (; i < n; i++) p[i] ^= ((const uint8_t *)&mask)[i & 3];
    return h;
}
#endif
