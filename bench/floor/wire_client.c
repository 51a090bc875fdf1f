/* The floor of wire to wire: parses no JSON, finds frame boundaries, answers each tick with one
 * constant frame.   wire_client PORT epoll|spin CPU */
#include "wire.h"

#include <sys/epoll.h>

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int sleeping = !strcmp(argv[2], "epoll");
    pin(atoi(argv[3]));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void *)&address, sizeof address)) return 1;
    no_delay(fd);
    const char *hello = "GET /stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGllcmNlbCB3aXJlIGZsb29yIQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n";
    if (write(fd, hello, strlen(hello)) < 0) return 1;
    static unsigned char buffer[1 << 18];
    size_t have = 0;
    unsigned char *end;
    while (!(end = memmem(buffer, have, "\r\n\r\n", 4))) {
        ssize_t r = read(fd, buffer + have, sizeof buffer - have);
        if (r <= 0) return 1;
        have += (size_t)r;
    }
    have -= (size_t)(end + 4 - buffer);
    memmove(buffer, end + 4, have);
    unsigned char order[600];
    int n = snprintf((char *)order + 8, sizeof order - 8,
                     "{\"id\":\"000000000001\",\"method\":\"order.place\",\"params\":{\"symbol\":\"BTCUSDT\","
                     "\"side\":\"BUY\",\"type\":\"LIMIT\",\"timeInForce\":\"IOC\",\"price\":\"67234.52\","
                     "\"quantity\":\"0.00100\",\"newClientOrderId\":\"x-000000001\"}}");
    order[0] = 0x81, order[1] = 0x80 | 126, order[2] = (unsigned char)(n >> 8), order[3] = (unsigned char)n;
    memset(order + 4, 0, 4);
    int poller = -1;
    if (sleeping) {
        poller = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLIN};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (;;) { /* what came with the handshake's reply is answered first */
        size_t at = 0, used, length;
        unsigned char *payload;
        while ((used = frame_at(buffer + at, have - at, &payload, &length))) {
            at += used;
            if (write(fd, order, (size_t)n + 8) != n + 8) return 1;
        }
        if (at) {
            wait_with_acknowledging(fd);
            memmove(buffer, buffer + at, have - at);
            have -= at;
        }
        ssize_t r;
        do {
            if (sleeping) {
                struct epoll_event event;
                epoll_wait(poller, &event, 1, -1);
            }
            r = read(fd, buffer + have, sizeof buffer - have);
        } while (r < 0 && (errno == EAGAIN || errno == EINTR));
        if (r <= 0) return r < 0;
        have += (size_t)r;
    }
}
