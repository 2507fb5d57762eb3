/* passbolt_fixture.h — the op of the test under way, for what Passbolt's API reads without a server and a directory. */
#ifndef ROSTER_TESTS_PASSBOLT_FIXTURE_H
#define ROSTER_TESTS_PASSBOLT_FIXTURE_H

#include "unit.h"

#include "model/op.h"

#define ADA "98c2bef5-cd5f-59e7-a1a7-0107c9a7cf08"
#define BETTY "d57c10f5-639d-5160-9c81-8a0c6c4ec856"

static struct op op;

static inline int begin(void **state)
{
    (void)state;
    op = op_begin();
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    op_end(&op);
    return 0;
}

#define passbolt_test(function) cmocka_unit_test_setup_teardown(function, begin, end)

#endif
