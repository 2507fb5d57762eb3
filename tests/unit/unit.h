/* unit.h — what cmocka wants included before it, for all unit tests. The name of a test is the rule it checks. */
#ifndef ROSTER_TESTS_UNIT_H
#define ROSTER_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
