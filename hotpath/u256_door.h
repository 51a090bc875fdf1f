/* Between Python integers, decimal text and u256: the only place that knows how CPython stores an int. */
#ifndef TIERCEL_U256_DOOR_H
#define TIERCEL_U256_DOOR_H
#include <Python.h>
#include "hotpath/u256.h"

/* `bytes` of a Python int, little-endian; -1 with OverflowError when it does not fit */
static inline int u256_long_to_bytes(PyObject *v, unsigned char *out, size_t n, int is_signed) {
#if PY_VERSION_HEX >= 0x030D0000
    return _PyLong_AsByteArray((PyLongObject *)v, out, n, 1, is_signed, 1);
#else
    return _PyLong_AsByteArray((PyLongObject *)v, out, n, 1, is_signed);
#endif
}
/* a Python int as u256 (signed: two's complement int256); -1 with an exception set */
static inline int u256_from_long(PyObject *v, int is_signed, u256 *out) {
    if (!PyLong_Check(v)) {
        PyErr_Format(PyExc_TypeError, "an integer is needed, not %.80s", Py_TYPE(v)->tp_name);
        return -1;
    }
    return u256_long_to_bytes(v, (unsigned char *)out, sizeof *out, is_signed);
}
/* a new Python int; NULL with an exception set when there is no memory */
static inline PyObject *u256_to_long(u256 v, int is_signed) {
    if (!is_signed && u256_fits_u64(v)) return PyLong_FromUnsignedLongLong(v.w[0]);
    return _PyLong_FromByteArray((unsigned char *)&v, sizeof v, 1, is_signed);
}

/* Decimal text (digits only, at least one, no sign) of any length to u256.
 * 0 ok; 1 when it is not a number; 2 when it does not fit 256 bits. Leading zeros are accepted. */
static inline int u256_parse(const char *text, size_t n, u256 *out) {
    u128 low = 0; /* the first 38 digits fit 128 bits */
    size_t i = 0;
    *out = U256_ZERO;
    if (!n) return 1;
    while (i < n && i < 38) {
        uint64_t chunk = 0, scale = 1;
        for (size_t end = i + 19 < n ? i + 19 : n; i < end; i++) {
            unsigned digit = (unsigned)(unsigned char)text[i] - '0';
            if (digit > 9) return 1;
            chunk = chunk * 10 + digit;
            scale *= 10;
        }
        low = low * scale + chunk;
    }
    u256 v = u256_from_u128(low);
    while (i < n) {
        uint64_t chunk = 0, scale = 1;
        for (size_t end = i + 19 < n ? i + 19 : n; i < end; i++) {
            unsigned digit = (unsigned)(unsigned char)text[i] - '0';
            if (digit > 9) return 1;
            chunk = chunk * 10 + digit;
            scale *= 10;
        }
        u128 c = chunk;
        for (int k = 0; k < 4; k++) {
            c += (u128)v.w[k] * scale;
            v.w[k] = (uint64_t)c;
            c >>= 64;
        }
        if (c) {
            for (; i < n; i++)
                if ((unsigned)(unsigned char)text[i] - '0' > 9) return 1;
            return 2;
        }
    }
    *out = v;
    return 0;
}
/* Decimal text of a u256 written to `text` (room for 78 bytes); returns its length. */
static inline int u256_format(u256 v, char *text) {
    uint64_t parts[5];
    int n = 0, len = 0;
    do { /* 10^19 is the largest power of ten in a limb */
        uint64_t r = 0;
        for (int i = 3; i >= 0; i--) v.w[i] = u256_div_128_64(r, v.w[i], 10000000000000000000ull, &r);
        parts[n++] = r;
    } while (!u256_is_zero(v) && n < 5);
    char buffer[20];
    for (int i = n - 1; i >= 0; i--) {
        uint64_t p = parts[i];
        int k = 20;
        while (p || k == 20) {
            buffer[--k] = (char)('0' + p % 10);
            p /= 10;
        }
        if (i < n - 1)
            for (int pad = 19 - (20 - k); pad > 0; pad--) text[len++] = '0';
        while (k < 20) text[len++] = buffer[k++];
    }
    return len;
}
/* A Python str (decimal, an optional minus when is_signed) or int as u256 / int256 in two's complement.
 * 0 ok; 1 not an integer; 2 out of range. Sets no exception. JSON true and false are not integers. */
static inline int u256_from_object(PyObject *v, int is_signed, u256 *out) {
    if (PyUnicode_Check(v)) {
        if (!PyUnicode_IS_ASCII(v)) return 1;
        const char *text = (const char *)PyUnicode_1BYTE_DATA(v);
        size_t n = (size_t)PyUnicode_GET_LENGTH(v);
        int negative = is_signed && n && text[0] == '-';
        int bad = u256_parse(text + negative, n - (size_t)negative, out);
        if (bad || !is_signed) return bad;
        if (negative) {
            if (u256_is_negative(*out) && !u256_eq(*out, u256_from_limbs(0, 0, 0, 1ull << 63))) return 2;
            *out = u256_neg(*out);
        } else if (u256_is_negative(*out)) {
            return 2;
        }
        return 0;
    }
    if (!PyLong_Check(v) || PyBool_Check(v)) return 1;
    if (u256_long_to_bytes(v, (unsigned char *)out, sizeof *out, is_signed) < 0) {
        PyErr_Clear();
        return 2;
    }
    return 0;
}
/* a new Python str with the decimal digits of v (signed: two's complement with a minus) */
static inline PyObject *u256_to_text(u256 v, int is_signed) {
    char text[80];
    int minus = is_signed && u256_is_negative(v);
    if (minus) {
        text[0] = '-';
        v = u256_neg(v);
    }
    return PyUnicode_FromStringAndSize(text, minus + u256_format(v, text + minus));
}
#endif
