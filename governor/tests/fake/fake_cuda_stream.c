/*
 * Streams and events of the fake libcuda.so.1. Work on a stream is done at once, so waiting is a
 * no-op; but an event can be told to answer "not ready" for a while (fake_state.event_lag), so that
 * whoever reuses memory must show that it asks.
 */
#include "fake_cuda.h"

#include <stdlib.h>

struct event {
    bool recorded;
    int32_t left; /* answers "not ready" so many times more */
};

API int cuStreamCreate(void **stream, unsigned flags)
{
    (void)flags;
    ENTER();
    void *made = malloc(1);
    if (!made)
        return CU_NO_MEMORY;
    *stream = made;
    fake_count(FAKE_STREAMS, 1);
    return CU_OK;
}

API int cuStreamDestroy_v2(void *stream)
{
    ENTER_TO_FREE(failure);
    free(stream);
    fake_count(FAKE_STREAMS, -1);
    return failure;
}

API int cuStreamQuery(void *stream)
{
    (void)stream;
    ENTER();
    return CU_OK;
}

API int cuStreamSynchronize(void *stream)
{
    (void)stream;
    extern int cuCtxSynchronize(void);
    ENTER();
    return cuCtxSynchronize();
}

API int cuStreamWaitEvent(void *stream, struct event *event, unsigned flags)
{
    (void)stream;
    (void)flags;
    ENTER();
    return event ? CU_OK : CU_INVALID;
}

API int cuStreamAddCallback(void *stream, void (*callback)(void *, int, void *), void *user,
                            unsigned flags)
{
    (void)flags;
    ENTER();
    callback(stream, CU_OK, user);
    return CU_OK;
}

API int cuEventCreate(struct event **event, unsigned flags)
{
    (void)flags;
    ENTER();
    struct event *made = calloc(1, sizeof *made);
    if (!made)
        return CU_NO_MEMORY;
    *event = made;
    fake_count(FAKE_EVENTS, 1);
    return CU_OK;
}

API int cuEventDestroy_v2(struct event *event)
{
    ENTER_TO_FREE(failure);
    free(event);
    fake_count(FAKE_EVENTS, -1);
    return failure;
}

API int cuEventRecord(struct event *event, void *stream)
{
    (void)stream;
    ENTER();
    if (!event)
        return CU_INVALID;
    struct fake_state *s = fake_lock();
    *event = (struct event){.recorded = true, .left = s ? s->event_lag : 0};
    if (s)
        fake_unlock();
    return CU_OK;
}

API int cuEventQuery(struct event *event)
{
    ENTER();
    if (!event)
        return CU_INVALID;
    if (event->left > 0) {
        event->left--;
        return CU_NOT_READY;
    }
    return CU_OK;
}

API int cuEventSynchronize(struct event *event)
{
    ENTER();
    if (!event)
        return CU_INVALID;
    event->left = 0;
    return CU_OK;
}

API int cuEventElapsedTime(float *milliseconds, struct event *from, struct event *to)
{
    ENTER();
    if (!from || !to || !from->recorded || !to->recorded)
        return CU_INVALID;
    *milliseconds = 0;
    return CU_OK;
}
