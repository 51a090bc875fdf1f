/* Memory that is there from the start.
 *
 * What calloc gives in large pieces has no pages until they are written. A table of orders or of
 * trades would then take its memory page by page over its first hours: an order would wait for the
 * kernel now and then, and a lane would look as if it leaked (3 to 5 MiB an hour, while 65,536
 * trades fill up). Written once, every page is there before the first order, and what a lane holds
 * after a year is what it holds after its start. */
#ifndef TIERCEL_ROOM_H
#define TIERCEL_ROOM_H
#include <stddef.h>
#include <stdlib.h>

enum { TC_PAGE = 4096 };

/* calloc, with every page written; NULL when there is no memory. */
static inline void *tc_room(size_t count, size_t size) {
    size_t bytes = count * size;
    volatile char *p = (volatile char *)calloc(count, size);
    if (!p) return NULL;
    for (size_t i = 0; i < bytes; i += TC_PAGE) p[i] = 0;
    if (bytes > 0) p[bytes - 1] = 0;
    return (void *)p;
}
#endif
