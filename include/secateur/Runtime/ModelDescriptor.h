/*===- ModelDescriptor.h - What emitted code and runtime tell each other ----===//
 * SPDX-License-Identifier: Apache-2.0
 *===----------------------------------------------------------------------===//
 *
 * The contract between code generation and the runtime. The emitted object
 * defines one constant, `secateur_model_descriptor` (hidden visibility), and uses
 * the functions at the end of this header, which the runtime defines. The weights
 * object (see lib/CodeGen/WeightsBlob.cpp) defines `secateur_weights_header`.
 *
 * Changing a struct means raising SECATEUR_DESCRIPTOR_VERSION, the writer in
 * lib/CodeGen and the fake models in test/Runtime.
 *
 * Plain C, LP64, little endian; no padding is implied beyond C's own rules. The
 * element types are SecateurDType of secateur.h.
 *===----------------------------------------------------------------------===*/

#ifndef SECATEUR_RUNTIME_MODELDESCRIPTOR_H
#define SECATEUR_RUNTIME_MODELDESCRIPTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SECATEUR_DESCRIPTOR_VERSION 2

/* Alignment of the arena, of every buffer in it, of every weight and of what
 * secateur_allocate() returns. Inputs and outputs are the caller's: they are only
 * known to be aligned to their element. */
#define SECATEUR_BUFFER_ALIGNMENT 64

/* Passed through by emitted code, never looked into. */
typedef struct SecateurRunContext SecateurRunContext;

typedef struct SecateurValueDesc {
  const char *name;
  const int64_t *dims;        /* rank entries, -1 where dynamic                       */
  const char *const *symbols; /* rank entries, NULL where static or unnamed; or NULL  */
  int32_t dtype;
  int32_t rank;  /* at most SECATEUR_MAX_RANK */
  int32_t flags; /* SECATEUR_DATA_DEPENDENT of secateur.h; outputs only */
  int32_t reserved;
} SecateurValueDesc;

/* The steps (any increasing numbering of the program's operations) between which,
 * both included, a buffer of the arena holds a value. Buffers whose ranges meet do
 * not overlap in memory. A loop counts as one step for what lives across it. */
typedef struct SecateurLiveRange {
  int32_t first;
  int32_t last;
} SecateurLiveRange;

typedef struct SecateurModelDescriptor {
  uint32_t version;    /* SECATEUR_DESCRIPTOR_VERSION */
  uint32_t structSize; /* sizeof(SecateurModelDescriptor) */

  const char *compilerVersion; /* "0.1.0" */
  const char *modelName;
  const char *target;   /* triple */
  const char *cpu;      /* -march */
  const char *mathMode; /* "strict" or "fast" */

  /* Bits of CpuFeatures.def that the code needs; one word is enough so far. */
  uint64_t cpuFeatures;

  int32_t inputCount;
  int32_t outputCount;
  const SecateurValueDesc *inputs;
  const SecateurValueDesc *outputs;

  int32_t bufferCount;
  int32_t messageCount;
  const SecateurLiveRange *bufferRanges; /* bufferCount entries */
  const char *const *messages;           /* messageCount entries, see sizes() and run() */

  int32_t stepCount; /* of the profile, see secateur_step() */
  int32_t reserved;
  const char *const *stepNames; /* stepCount entries */

  /* Computes sizes for given input shapes. `inputDims` are the dimensions of all
   * inputs, one input after the other; rank, static dimensions and sign were
   * checked. Writes the size in bytes of every buffer (not rounded), and the
   * dimensions of all outputs, -1 for all those of data-dependent ones. Returns 0,
   * or 1 + the index in `messages` of why these shapes cannot be run. A negative
   * size or dimension that it writes is reported as a bad shape. Must not write
   * anywhere else, must not call the runtime. */
  int32_t (*sizes)(const int64_t *inputDims, int64_t *bufferBytes, int64_t *outputDims);

  /* Runs the model. `outputs[i]` is NULL for a data-dependent output, for which
   * secateur_set_output() must be called. Buffer i lies at arena + offsets[i].
   * `weights` is where the blob's byte 0 lies. Returns 0, or 1 + the index in
   * `messages`, or any negative number after secateur_fail(). */
  int32_t (*run)(SecateurRunContext *context, const void *const *inputs, const int64_t *inputDims,
                 void *const *outputs, char *arena, const int64_t *offsets, const char *weights);
} SecateurModelDescriptor;

/* Start of the weights section. Embedded weights follow in place; otherwise the
 * file of that name, beside the library, has them. No pointers, so that the object
 * needs no relocations. */
#define SECATEUR_WEIGHTS_VERSION 1
typedef struct SecateurWeightsHeader {
  uint32_t version;
  uint32_t embedded;   /* 1: data at dataOffset from this struct */
  uint64_t bytes;      /* of the blob */
  uint64_t dataOffset; /* a multiple of 64 */
  char layout[40];     /* hash of all tensors' places, types and shapes, as text */
  char fileName[256];  /* "model.so.weights.safetensors"; empty when embedded */
} SecateurWeightsHeader;

/*--- What emitted code may call; defined by the runtime ---------------------*/

/* Runs task(args, lo, hi) on disjoint ranges that cover [0, count), possibly at the
 * same time, each a multiple of `grain` long except for the last. Returns when all
 * are done. Called inside a task, it runs the range in place. */
void secateur_parallel_for(SecateurRunContext *context,
                           void (*task)(void *args, int64_t lo, int64_t hi), void *args,
                           int64_t count, int64_t grain);

/* From now on, until the next call or the end of the run, time belongs to step `step`
 * (below stepCount), which computes `flops` and reads and writes `bytes`. Called
 * outside of tasks only. */
void secateur_step(SecateurRunContext *context, int32_t step, int64_t flops, int64_t bytes);

/* Memory for values whose size depends on data, 64-byte aligned; also usable in
 * tasks. Never returns NULL: without memory the run ends with an error (the
 * function does not return). All of it is taken back before the next run, so that
 * freeing is needed only in loops. */
void *secateur_allocate(SecateurRunContext *context, int64_t bytes);
void secateur_free(SecateurRunContext *context, void *memory);

/* Gives the shape and value of data-dependent output `index`. `data` stays readable
 * after the run where it comes from secateur_allocate() or is a weight; the runtime
 * copies anything else (the arena, an input). */
void secateur_set_output(SecateurRunContext *context, int32_t index, const int64_t *dims,
                         const void *data);

/* Ends the run with this message (a constant); does not return: it unwinds to the
 * runtime, from tasks too, so no state may need clean-up. */
void secateur_fail(SecateurRunContext *context, const char *message) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#endif /* SECATEUR_RUNTIME_MODELDESCRIPTOR_H */
