/* digits.h — decimal digits two at a time, for the writers of base/ only. */
#ifndef ROSTER_BASE_DIGITS_H
#define ROSTER_BASE_DIGITS_H

#include <string.h>

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

/* Writes `number`, which is under 100, as two digits. */
static inline void put_pair(char *to, unsigned number)
{
    memcpy(to, digit_pairs + 2 * (size_t)number, 2);
}

#endif
