/* What pools and books give for what is paid in, in double precision: to find where to look, never to say
 * what comes out. A curve is a row of pieces; in a piece, paying x more gives a x / (b + x) (constant
 * product, between two ticks; fee included) or a x (a book's level, b = 0), until cap is paid.
 *
 * Functions of this form stay of this form when one feeds the next, so the best size through any number
 * of hops is a closed form until one of them comes to the end of its piece: A x / (B + C x) - x is
 * greatest at (sqrt(A B) - B) / C. Walking the pieces finds the best size in as many steps as pieces.
 */
#ifndef TIERCEL_CURVE_H
#define TIERCEL_CURVE_H
#include <math.h>
#include "hotpath/u256.h"

#define CURVE_HOPS 4
#define CURVE_PIECES 64

typedef struct {
    double a, b, cap;
    double gas; /* to get into this piece */
} curve_piece;

typedef struct {
    int n;
    curve_piece pieces[CURVE_PIECES];
} curve_row;

typedef struct {
    const curve_row *row;
    int at;
    double a, b, cap; /* of the piece, from where we stand in it */
} curve_hop;

static inline void curve_enter(curve_hop *h, int at) {
    h->at = at;
    if (at < h->row->n) {
        h->a = h->row->pieces[at].a;
        h->b = h->row->pieces[at].b;
        h->cap = h->row->pieces[at].cap;
    }
}
/* pay u into the hop's piece: what comes out, and the piece as it looks from there */
static inline double curve_pay(curve_hop *h, double u) {
    h->cap -= u;
    if (h->b == 0) return h->a * u;
    double out = h->a * u / (h->b + u), b = h->b + u;
    h->a *= h->b / b;
    h->b = b;
    return out;
}
/* The size that gains most through `n` hops, each fed by the one before, with gas (in units of the coin paid
 * in, gas_price each) for every piece entered. 0 when nothing gains. *gain is the gain less the gas. */
static inline double curve_best(const curve_row *const *rows, int n, double most, double gas_price, double *gain) {
    curve_hop hops[CURVE_HOPS];
    double x = 0, z = 0, gas = 0, best = 0;
    *gain = 0;
    for (int i = 0; i < n; i++) {
        hops[i].row = rows[i];
        if (!rows[i]->n) return 0;
        curve_enter(&hops[i], 0);
        gas += rows[i]->pieces[0].gas;
    }
    for (int turn = 0; turn < CURVE_HOPS * CURVE_PIECES; turn++) {
        double A = 1, B = 1, C = 0, step = most - x;
        int full = -1;
        for (int i = 0; i < n; i++) { /* u = A x / (B + C x) comes into hop i */
            double top = A - C * hops[i].cap;
            if (top > 0 && B * hops[i].cap < step * top) {
                step = B * hops[i].cap / top;
                full = i;
            }
            if (hops[i].b == 0) {
                A *= hops[i].a;
            } else {
                C = hops[i].b * C + A;
                A *= hops[i].a;
                B *= hops[i].b;
            }
        }
        if (!(A > B) || !(step >= 0)) break; /* the next unit does not come back */
        int inside = 0;
        if (C > 0) {
            double peak = (sqrt(A * B) - B) / C;
            if (peak <= step) {
                step = peak;
                inside = 1;
            }
        }
        if (!(step < 1e300)) break;
        double u = step;
        for (int i = 0; i < n; i++) u = curve_pay(&hops[i], u);
        x += step;
        z += u;
        if (z - x - gas * gas_price > *gain) {
            *gain = z - x - gas * gas_price;
            best = x;
        }
        if (inside || full < 0) break;
        int next = hops[full].at + 1;
        if (next >= hops[full].row->n) break;
        curve_enter(&hops[full], next);
        gas += hops[full].row->pieces[next].gas;
    }
    return best;
}
/* the largest amount at which a row still gives `rate` for the next unit */
static inline double curve_until(const curve_row *row, double rate) {
    double x = 0;
    for (int i = 0; i < row->n; i++) {
        const curve_piece *p = &row->pieces[i];
        if (p->b == 0) {
            if (p->a < rate) return x;
        } else {
            double inside = sqrt(p->a * p->b / rate) - p->b; /* a b / (b + x)^2 = rate */
            if (inside <= 0) return x;
            if (inside < p->cap) return x + inside;
        }
        x += p->cap;
    }
    return x;
}
/* a double as an integer, rounded down; 0 for negatives, the maximum beyond 2^256 */
static inline u256 curve_integer(double v) {
    if (!(v >= 1)) return U256_ZERO;
    if (v >= 0x1p256) return U256_MAX;
    int exponent;
    double mantissa = frexp(v, &exponent); /* in [0.5, 1) */
    uint64_t bits = (uint64_t)(mantissa * 0x1p53);
    return exponent >= 53 ? u256_shl(u256_from_u64(bits), (unsigned)(exponent - 53))
                          : u256_from_u64(bits >> (53 - exponent));
}
#endif
