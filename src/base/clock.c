/* clock.c — dates by arithmetic: gmtime and snprintf would cost more than the rest of a JSON object.
 *
 * Both directions count days from 0000-03-01 (a leap day then ends its year) in cycles of 400 years, after Howard
 * Hinnant's "chrono-compatible low-level date algorithms". */
#include "base/clock.h"

#include "base/digits.h"

#include <time.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)
#define EARLIEST (INT64_C(-25567) * DAY_US)    /* 1900-01-01T00:00:00Z */
#define LATEST (INT64_C(2932897) * DAY_US - 1) /* 9999-12-31T23:59:59.999999Z */
#define DURATION_MAX (INT64_C(36525) * DAY_US) /* 100 years */

enum { DAYS_TO_1970 = 719468, DAYS_IN_CYCLE = 146097 }; /* from 0000-03-01; of 400 years */

static int64_t read_clock_ns(clockid_t which)
{
    struct timespec time;
    clock_gettime(which, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clock_now(void)
{
    return read_clock_ns(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_ns(void)
{
    return read_clock_ns(CLOCK_MONOTONIC);
}

struct timespec clock_timespec(int64_t monotonic_ns)
{
    return (struct timespec){ .tv_sec = monotonic_ns / 1000000000, .tv_nsec = monotonic_ns % 1000000000 };
}

struct timespec clock_after_ms(int64_t milliseconds)
{
    return clock_timespec(clock_monotonic_ns() + milliseconds * 1000000);
}

int64_t clock_coarse_ns(void)
{
    return read_clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* Writes `2026-03-10T`, 11 characters. */
static void put_date(char *out, uint32_t days_since_0000_03_01)
{
    uint32_t cycle = days_since_0000_03_01 / DAYS_IN_CYCLE;
    uint32_t day_of_cycle = days_since_0000_03_01 % DAYS_IN_CYCLE;
    uint32_t year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    uint32_t day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    uint32_t march_month = (5 * day_of_year + 2) / 153;
    uint32_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    uint32_t year = cycle * 400 + year_of_cycle + (month <= 2);
    put_pair(out, year / 100);
    put_pair(out + 2, year % 100);
    out[4] = '-';
    put_pair(out + 5, month);
    out[7] = '-';
    put_pair(out + 8, day);
    out[10] = 'T';
}

enum { SECONDS_SIZE = 19 };

/* Writes `2026-03-10T09:32:07` and returns the fraction in microseconds. */
static uint32_t put_seconds(char *out, int64_t time_us)
{
    if (time_us < EARLIEST) time_us = EARLIEST;
    if (time_us > LATEST) time_us = LATEST;
    uint64_t time = (uint64_t)(time_us + DAYS_TO_1970 * DAY_US);
    uint64_t seconds = time / SECOND_US;
    uint32_t second_of_day = (uint32_t)(seconds % 86400);
    put_date(out, (uint32_t)(seconds / 86400));
    put_pair(out + 11, second_of_day / 3600);
    out[13] = ':';
    put_pair(out + 14, second_of_day / 60 % 60);
    out[16] = ':';
    put_pair(out + 17, second_of_day % 60);
    return (uint32_t)(time % SECOND_US);
}

size_t clock_format(char out[CLOCK_TEXT_SIZE], int64_t time_us)
{
    uint32_t fraction = put_seconds(out, time_us);
    size_t length = SECONDS_SIZE;
    if (fraction) {
        out[19] = '.';
        put_pair(out + 20, fraction / 10000);
        put_pair(out + 22, fraction / 100 % 100);
        put_pair(out + 24, fraction % 100);
        length = 26;
        while (out[length - 1] == '0') length--;
    }
    out[length] = 'Z';
    out[length + 1] = 0;
    return length + 1;
}

void clock_add_json(struct buf *out, int64_t time_us)
{
    char *room = buf_room(out, CLOCK_TEXT_SIZE + 2);
    if (room) {
        room[0] = '"';
        size_t length = clock_format(room + 1, time_us);
        room[length + 1] = '"';
        buf_wrote(out, length + 2);
    }
}

void clock_add_json_milliseconds(struct buf *out, int64_t time_us)
{
    enum { SIZE = 1 + SECONDS_SIZE + 6 }; /* ".035Z" and the quotes */
    char *room = buf_room(out, SIZE);
    if (!room) return;
    uint32_t milliseconds = put_seconds(room + 1, time_us) / 1000;
    char *end = room + 1 + SECONDS_SIZE;
    end[0] = '.';
    end[1] = (char)('0' + milliseconds / 100);
    put_pair(end + 2, milliseconds % 100);
    end[4] = 'Z';
    end[5] = room[0] = '"';
    buf_wrote(out, SIZE);
}

/* What is still to be read of a text. */
struct reader {
    const char *at, *end;
};

static bool take(struct reader *reader, char expected)
{
    if (reader->at == reader->end || *reader->at != expected) return false;
    reader->at++;
    return true;
}

static bool take_digits(struct reader *reader, int count, int low, int high, int *ret_number)
{
    if (reader->end - reader->at < count) return false;
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (*reader->at < '0' || *reader->at > '9') return false;
        number = number * 10 + (*reader->at++ - '0');
    }
    *ret_number = number;
    return number >= low && number <= high;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static int64_t days_since_1970(int year, int month, int day)
{
    year -= month <= 2;
    int cycle = year / 400;
    int year_of_cycle = year % 400;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    return (int64_t)cycle * DAYS_IN_CYCLE + day_of_cycle - DAYS_TO_1970;
}

/* The optional fraction in microseconds; digits after the sixth are read and dropped. */
static bool take_fraction(struct reader *reader, int64_t *ret_us)
{
    *ret_us = 0;
    if (!take(reader, '.')) return true;
    int64_t unit = 100000;
    int digits = 0;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; digits++, unit /= 10)
        *ret_us += (*reader->at++ - '0') * unit;
    return digits >= 1 && digits <= 9;
}

static bool take_offset(struct reader *reader, int64_t *ret_us)
{
    *ret_us = 0;
    if (take(reader, 'Z') || take(reader, 'z')) return true;
    int sign = take(reader, '+') ? 1 : take(reader, '-') ? -1 : 0;
    int hours, minutes = 0;
    if (!sign || !take_digits(reader, 2, 0, 23, &hours)) return false;
    bool colon = take(reader, ':');
    if ((colon || reader->at < reader->end) && !take_digits(reader, 2, 0, 59, &minutes)) return false;
    *ret_us = sign * (hours * 60 + minutes) * 60 * SECOND_US;
    return true;
}

bool clock_parse(const char *text, size_t size, int64_t *ret_us)
{
    struct reader reader = { text, text + size };
    int year, month, day, hour, minute, second;
    int64_t fraction, offset;
    if (!take_digits(&reader, 4, 1900, 9999, &year) || !take(&reader, '-')) return false;
    if (!take_digits(&reader, 2, 1, 12, &month) || !take(&reader, '-')) return false;
    if (!take_digits(&reader, 2, 1, days_in_month(year, month), &day)) return false;
    if (!take(&reader, 'T') && !take(&reader, 't')) return false;
    if (!take_digits(&reader, 2, 0, 23, &hour) || !take(&reader, ':')) return false;
    if (!take_digits(&reader, 2, 0, 59, &minute) || !take(&reader, ':')) return false;
    if (!take_digits(&reader, 2, 0, 59, &second)) return false;
    if (!take_fraction(&reader, &fraction) || !take_offset(&reader, &offset) || reader.at != reader.end) return false;

    int64_t seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    int64_t time_us = seconds * SECOND_US + fraction - offset;
    if (time_us < EARLIEST || time_us > LATEST) return false; /* an offset may lead out of the range */
    *ret_us = time_us;
    return true;
}

bool clock_parse_duration(const char *text, int64_t *ret_us)
{
    int64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
        if (number > DURATION_MAX / SECOND_US) return false;
    }
    int64_t unit;
    switch (*at) {
    case 's':
        unit = SECOND_US;
        break;
    case 'm':
        unit = 60 * SECOND_US;
        break;
    case 'h':
        unit = 3600 * SECOND_US;
        break;
    case 'd':
        unit = DAY_US;
        break;
    case 'w':
        unit = 7 * DAY_US;
        break;
    default:
        return false;
    }
    if (at == text || at[1] || number == 0 || number > DURATION_MAX / unit) return false;
    *ret_us = number * unit;
    return true;
}
