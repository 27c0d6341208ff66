/*
 * M/M/1 at 90 % in C, as one would write it for speed and still trust it: a binary heap of events ordered by time and
 * sequence, a ring of arrival times, whole nanoseconds, sfc32 with 53 bits, and a log-linear histogram of the latencies.
 *
 * Call: mm1 <customers> <seed>. Prints the customers served per second of processor time and their mean latency in ms.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ARRIVAL, DEPARTURE, HEAP_SLOTS = 64, RING_SLOTS = 1 << 20, BUCKETS = 64 * 128 };

typedef struct {
  int64_t time;
  uint64_t sequence;
  int32_t kind;
} Event;

static Event heap[HEAP_SLOTS];
static int heap_size;
static uint64_t next_sequence;
static int64_t ring[RING_SLOTS];
static uint64_t histogram[BUCKETS];
static uint32_t a, b, c, counter;

static uint32_t next_uint32(void) {
  uint32_t sum = a + b + counter++;
  a = b ^ (b >> 9);
  b = c + (c << 3);
  c = ((c << 21) | (c >> 11)) + sum;
  return sum;
}

static int64_t exponential_ns(double mean_ns) {
  uint64_t high = next_uint32() >> 5, low = next_uint32() >> 6;
  double uniform = (double)(high * 0x4000000 + low) / 9007199254740992.0;
  return (int64_t)llround(-mean_ns * log(1 - uniform));
}

static int is_before(const Event *one, const Event *other) {
  return one->time < other->time || (one->time == other->time && one->sequence < other->sequence);
}

static void push(int64_t time, int32_t kind) {
  Event event = {time, ++next_sequence, kind};
  int hole = heap_size++;
  while (hole > 0 && is_before(&event, &heap[(hole - 1) / 2])) {
    heap[hole] = heap[(hole - 1) / 2];
    hole = (hole - 1) / 2;
  }
  heap[hole] = event;
}

static Event pop(void) {
  Event first = heap[0], last = heap[--heap_size];
  int hole = 0;
  for (int child = 1; child < heap_size; child = 2 * hole + 1) {
    if (child + 1 < heap_size && is_before(&heap[child + 1], &heap[child])) child++;
    if (!is_before(&heap[child], &last)) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = last;
  return first;
}

static void record(uint64_t value) {
  int shift = value < 256 ? 0 : 63 - __builtin_clzll(value) - 7;
  histogram[shift * 128 + (value >> shift)]++;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  uint64_t customers = strtoull(argv[1], NULL, 10), served = 0;
  a = (uint32_t)strtoul(argv[2], NULL, 10);
  b = 0x9e3779b9;
  c = 0x243f6a88;
  counter = 1;
  for (int round = 0; round < 12; round++) next_uint32();
  const double gap_ns = 1e9 / 90, work_ns = 1e9 / 100;
  uint64_t head = 0, tail = 0;
  double sum = 0;
  clock_t started = clock();
  push(exponential_ns(gap_ns), ARRIVAL);
  while (served < customers) {
    Event event = pop();
    if (event.kind == ARRIVAL) {
      push(event.time + exponential_ns(gap_ns), ARRIVAL);
      if (tail - head == RING_SLOTS) return 3;
      ring[tail++ & (RING_SLOTS - 1)] = event.time;
      if (tail - head == 1) push(event.time + exponential_ns(work_ns), DEPARTURE);
    } else {
      int64_t latency = event.time - ring[head++ & (RING_SLOTS - 1)];
      record((uint64_t)latency);
      sum += (double)latency;
      served++;
      if (tail > head) push(event.time + exponential_ns(work_ns), DEPARTURE);
    }
  }
  double seconds = (double)(clock() - started) / CLOCKS_PER_SEC;
  printf("%.0f %.3f\n", (double)served / seconds, sum / (double)served / 1e6);
  return 0;
}
