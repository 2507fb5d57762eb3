/* dice.h — random numbers that are the same in every run, for tests that compare with something naive. */
#ifndef ROSTER_TESTS_DICE_H
#define ROSTER_TESTS_DICE_H

#include <stdint.h>

struct dice {
    uint64_t state;
};

#define DICE(seed) ((struct dice){ UINT64_C(0x9e3779b97f4a7c15) * ((seed) + 1) })

static inline uint64_t roll_bits(struct dice *dice)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 to `below` - 1. */
static inline uint32_t roll(struct dice *dice, uint32_t below)
{
    return (uint32_t)((roll_bits(dice) >> 32) * below >> 32);
}

#endif
