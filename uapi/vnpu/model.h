/* Models: graphs of tasks that lie in memory of the client and are run by one entry of a queue, as
 * often as wanted, without the client (VNPU_FEATURE_MODEL).
 *
 * The memory of a model (VNPU_IOC_MODEL_CREATE) holds one image or several, at offsets that are
 * multiples of VNPU_MODEL_ALIGN. An image consists of these parts, one behind the other, whose
 * places follow from the counts in its header (vnpu_model_*_offset):
 *   struct vnpu_model_image      the header
 *   struct vnpu_model_graph[]    graph 0 is the model; others are bodies of conditions
 *   struct vnpu_model_label[]    where VNPU_OP_MODEL_GOTO may go on
 *   struct vnpu_model_stream[]   what runs in order
 *   struct vnpu_sqe[]            the entries of all streams, from a multiple of VNPU_MODEL_ALIGN
 *   the argument area            what arg_offset of kernels counts from
 *
 * A run starts graph 0: it clears the registers of the graph and starts those of its streams that
 * have VNPU_MODEL_STARTS. A stream carries out its entries in order and is over behind the last; a
 * graph is over when all of its streams that were started are, and the run when graph 0 is. Streams
 * run side by side where units are free, with priorities of their own.
 *
 * Entries: queue_id is the number of the stream, seq the entry's position in it (0 is the first).
 * They mean what they mean in a queue: kernels, DMA tasks, events, notifies, waits, interrupts, and
 * NOP; time limits hold, VNPU_SQE_CQE has no effect. The sequence number of an event may stand in
 * the argument area (VNPU_SQE_SEQ_IN_ARGS). Further opcodes are valid in images only.
 *
 * A run fails with the first entry that fails: what else of it runs is stopped, what waits is taken
 * out, and when nothing runs any more the entry that started the run ends with the status of the
 * entry that failed. The exception record (error.h) has queue and task of the former, and model,
 * image, stream and position of the latter. A run in which nothing can go on ends with
 * VNPU_E_STUCK. The next run starts from scratch.
 *
 * Nothing that stands in an image is trusted: header, graphs and streams are copied and checked
 * when a run starts (VNPU_E_INVALID_SQE), entries and labels when they are reached. So the client
 * may change an image at any time: what a run has not reached yet is what it finds. */
#ifndef VNPU_MODEL_H_
#define VNPU_MODEL_H_

#include "queue.h"

#define VNPU_MODEL_ALIGN 64u
#define VNPU_MODEL_IMAGE_VERSION 1u

struct vnpu_model_image {
  uint32_t version;   /* VNPU_MODEL_IMAGE_VERSION */
  uint32_t graphs;    /* 1 .. max_graphs of the model */
  uint32_t streams;   /* of all graphs, 0 .. max_streams */
  uint32_t registers; /* of all graphs, 0 .. max_registers */
  uint32_t labels;    /* 0 .. VNPU_MAX_MODEL_LABELS */
  uint32_t entries;   /* of all streams, 0 .. VNPU_MAX_MODEL_ENTRIES */
  uint32_t arg_bytes; /* multiple of 8 */
  uint32_t flags;     /* 0 */
  /* Device: one more for each VNPU_OP_MODEL_EXECUTE of this image that the device has met and that
   * is over, however it ended; stored (release) before the entry's queue moves on. An entry of a
   * queue that is destroyed before the device has met it is not counted. */
  uint64_t completed;
  uint64_t reserved[3];
};
VNPU_ASSERT_SIZE(vnpu_model_image, 64);
VNPU_ASSERT_OFFSET(vnpu_model_image, completed, 32);

/* Streams and registers of graph 0 come first, then those of graph 1, and so on without gaps. */
struct vnpu_model_graph {
  uint32_t first_stream;
  uint32_t streams;
  uint32_t first_register;
  uint32_t registers;
};
VNPU_ASSERT_SIZE(vnpu_model_graph, 16);

/* The entry at `position` of a stream; position == entries of the stream: its end. */
struct vnpu_model_label {
  uint32_t stream;
  uint32_t position;
};
VNPU_ASSERT_SIZE(vnpu_model_label, 8);

/* Stream flags. */
#define VNPU_MODEL_STARTS 0x1u /* starts with its graph; others wait to be activated */
#define VNPU_MODEL_STREAM_FLAGS_ALL 0x1u

struct vnpu_model_stream {
  uint32_t first_entry; /* in the table of entries */
  uint32_t entries;
  uint32_t graph;    /* that it belongs to */
  uint32_t flags;    /* VNPU_MODEL_STARTS or 0 */
  uint32_t priority; /* 0 (highest) .. VNPU_PRIORITIES-1 */
  uint32_t reserved[3];
};
VNPU_ASSERT_SIZE(vnpu_model_stream, 32);

/* Places of the parts, from the start of the image. Counts within their limits do not overflow. */
static inline uint64_t vnpu_model_graphs_offset(void) { return sizeof(struct vnpu_model_image); }
static inline uint64_t vnpu_model_labels_offset(const struct vnpu_model_image* image) {
  return vnpu_model_graphs_offset() + image->graphs * sizeof(struct vnpu_model_graph);
}
static inline uint64_t vnpu_model_streams_offset(const struct vnpu_model_image* image) {
  return vnpu_model_labels_offset(image) + image->labels * sizeof(struct vnpu_model_label);
}
static inline uint64_t vnpu_model_entries_offset(const struct vnpu_model_image* image) {
  const uint64_t end =
      vnpu_model_streams_offset(image) + image->streams * sizeof(struct vnpu_model_stream);
  return (end + VNPU_MODEL_ALIGN - 1) / VNPU_MODEL_ALIGN * VNPU_MODEL_ALIGN;
}
static inline uint64_t vnpu_model_args_offset(const struct vnpu_model_image* image) {
  return vnpu_model_entries_offset(image) + image->entries * sizeof(struct vnpu_sqe);
}
/* Bytes of a whole image. */
static inline uint64_t vnpu_model_image_bytes(const struct vnpu_model_image* image) {
  return vnpu_model_args_offset(image) + image->arg_bytes;
}

#endif /* VNPU_MODEL_H_ */
