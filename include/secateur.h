/*===- secateur.h - C interface of a compiled model -----------------*- C -*-===//
 * SPDX-License-Identifier: Apache-2.0
 *===----------------------------------------------------------------------===//
 *
 * Every library that compile-model writes exports the functions of this header,
 * and nothing else. It is used in one of two ways:
 *  - link against the library and call the functions by name, or
 *  - dlopen() it, look up `secateur_api` and call through the table that it
 *    returns. A program that uses several models at once has to do this, as all
 *    of them export the same names.
 *
 *     SecateurContext *context;
 *     if (secateur_create(NULL, &context)) fail(secateur_last_error(context));
 *     SecateurTensor x = {"x", data, bytes, SECATEUR_F32, 4, {1, 3, 224, 224}};
 *     SecateurTensor y = {"y", out, outBytes, SECATEUR_F32};
 *     if (secateur_run(context, &x, 1, &y, 1)) fail(secateur_last_error(context));
 *     secateur_destroy(context);
 *
 * Rules
 *  - Threads. A context serves one thread at a time; any number of contexts may
 *    run at once. They share the model's weights, which are read only.
 *  - Errors. A function that can fail returns a SecateurStatus; on anything but
 *    SECATEUR_OK, secateur_last_error() says what is wrong with what. Wrong
 *    shapes, types, names, null pointers and small buffers are errors, never
 *    crashes. A failed call leaves the context as usable as before it.
 *  - Memory. Tensors are dense and row-major, at least aligned to their element.
 *    Outputs must not overlap inputs or each other. The caller owns all buffers;
 *    what the library returns by pointer lives until the stated call. Sizes and
 *    offsets are in bytes, dimensions in elements.
 *  - Compatibility. Structs may grow at the end in later versions, which is why
 *    SecateurOptions carries its size. Values of enumerators never change.
 *===----------------------------------------------------------------------===*/

#ifndef SECATEUR_H
#define SECATEUR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface; secateur_abi_version() returns the library's. */
#define SECATEUR_ABI_VERSION 1

/* Largest rank of an input or output. */
#define SECATEUR_MAX_RANK 16

/* A dimension that is not known (yet). */
#define SECATEUR_DYNAMIC (-1)

#ifndef SECATEUR_API
#define SECATEUR_API __attribute__((visibility("default")))
#endif

typedef enum SecateurStatus {
  SECATEUR_OK = 0,
  SECATEUR_INVALID_ARGUMENT = 1, /* null pointer, bad index, bad count          */
  SECATEUR_OUT_OF_MEMORY = 2,
  SECATEUR_UNSUPPORTED_CPU = 3, /* the CPU lacks a feature that the code uses   */
  SECATEUR_BAD_WEIGHTS = 4,     /* weights file missing, unreadable, not ours   */
  SECATEUR_BAD_SHAPE = 5,       /* rank or dimension that the model cannot take */
  SECATEUR_BAD_DTYPE = 6,
  SECATEUR_BAD_NAME = 7,   /* no input or output of that name, or named twice   */
  SECATEUR_BAD_BUFFER = 8, /* too small, misaligned or overlapping              */
  SECATEUR_RUN_FAILED = 9  /* the model refused the data, as an index too large */
} SecateurStatus;

/* Element types; the numbers are those of ONNX. */
typedef enum SecateurDType {
  SECATEUR_UNDEFINED = 0,
  SECATEUR_F32 = 1,
  SECATEUR_U8 = 2,
  SECATEUR_I8 = 3,
  SECATEUR_U16 = 4,
  SECATEUR_I16 = 5,
  SECATEUR_I32 = 6,
  SECATEUR_I64 = 7,
  SECATEUR_BOOL = 9, /* one byte, 0 or 1 */
  SECATEUR_F16 = 10,
  SECATEUR_F64 = 11,
  SECATEUR_U32 = 12,
  SECATEUR_U64 = 13,
  SECATEUR_BF16 = 16
} SecateurDType;

/* Bits of SecateurValueInfo::flags. */
enum {
  /* The shape depends on the data: it is known only after a run. */
  SECATEUR_DATA_DEPENDENT = 1
};

/* What is known of an input or output before any shape is given. All pointers
 * live as long as the library. */
typedef struct SecateurValueInfo {
  const char *name;
  int32_t dtype; /* SecateurDType */
  int32_t rank;
  const int64_t *dims;        /* rank entries, SECATEUR_DYNAMIC where free         */
  const char *const *symbols; /* rank entries: name of a free dimension, or NULL   */
  int32_t flags;
  int32_t reserved;
} SecateurValueInfo;

/* A tensor in a call. As an input it states what the caller passes. As an output
 * it states where the result goes; dtype, rank and dims are filled in. */
typedef struct SecateurTensor {
  const char *name; /* NULL: by position */
  void *data;       /* never written for an input */
  size_t bytes;     /* size of the memory at data */
  int32_t dtype;    /* SecateurDType; outputs may say SECATEUR_UNDEFINED */
  int32_t rank;
  int64_t dims[SECATEUR_MAX_RANK];
} SecateurTensor;

typedef struct SecateurContext SecateurContext;

/* Threads that several contexts, also of several libraries, share. */
typedef struct SecateurPool SecateurPool;

typedef struct SecateurOptions {
  size_t structSize;       /* sizeof(SecateurOptions)                                  */
  const char *weightsPath; /* NULL: inside or beside the library                       */
  SecateurPool *pool;      /* NULL: the context starts threads of its own when needed  */
  int32_t threads;         /* as in secateur_set_threads()                             */
  int32_t reserved;
} SecateurOptions;

typedef struct SecateurMemory {
  uint64_t weightBytes;  /* shared by all contexts                                   */
  uint64_t arenaBytes;   /* intermediate values of the largest shapes prepared       */
  uint64_t dynamicBytes; /* kept for values whose size depends on data               */
} SecateurMemory;

/*--- About the library: need no context, cannot fail -----------------------*/

SECATEUR_API uint32_t secateur_abi_version(void);
SECATEUR_API const char *secateur_version(void);               /* of the compiler: "0.1.0"        */
SECATEUR_API const char *secateur_model_name(void);            /* may be empty                    */
SECATEUR_API const char *secateur_target(void);                /* "x86_64-unknown-linux-gnu"      */
SECATEUR_API const char *secateur_cpu(void);                   /* what -march said: "znver4"      */
SECATEUR_API const char *secateur_math_mode(void);             /* "strict" or "fast"              */
SECATEUR_API const char *secateur_status_name(int32_t status); /* "SECATEUR_BAD_SHAPE" */
SECATEUR_API const char *secateur_dtype_name(int32_t dtype);   /* "float32"; "?"       */
SECATEUR_API size_t secateur_dtype_size(int32_t dtype);        /* bytes; 0 if unknown  */

/*--- Contexts --------------------------------------------------------------*/

/* Makes a context. `options` may be NULL. On failure *context is a context that
 * only secateur_last_error() and secateur_destroy() accept (NULL if there was no
 * memory for it): destroy it too. Costs no more than mapping the weights. */
SECATEUR_API SecateurStatus secateur_create(const SecateurOptions *options,
                                            SecateurContext **context);

/* Frees the context and stops the threads that it started. NULL is allowed. */
SECATEUR_API void secateur_destroy(SecateurContext *context);

/* Message of the last failed call on `context`: one line, never NULL. It lives
 * until the next call on the context. */
SECATEUR_API const char *secateur_last_error(const SecateurContext *context);

/* Number of threads that a run uses, the caller's included; 0: one a physical
 * core that the process may use (affinity and cgroup limits count). With a shared
 * pool it is a limit; 0 means all of the pool. Results do not depend on it. */
SECATEUR_API SecateurStatus secateur_set_threads(SecateurContext *context, int32_t threads);
SECATEUR_API int32_t secateur_threads(const SecateurContext *context);

/*--- Inputs and outputs ----------------------------------------------------*/

SECATEUR_API int32_t secateur_input_count(const SecateurContext *context);
SECATEUR_API int32_t secateur_output_count(const SecateurContext *context);
SECATEUR_API SecateurStatus secateur_input_info(SecateurContext *context, int32_t index,
                                                SecateurValueInfo *info);
SECATEUR_API SecateurStatus secateur_output_info(SecateurContext *context, int32_t index,
                                                 SecateurValueInfo *info);
/* Index of the input or output of that name, or -1 (and an error message). */
SECATEUR_API int32_t secateur_input_index(SecateurContext *context, const char *name);
SECATEUR_API int32_t secateur_output_index(SecateurContext *context, const char *name);

/*--- Running ---------------------------------------------------------------*/

/* Plans memory for inputs of the given types and shapes (data is not looked at).
 * Each input is given once, by name or by position. Plans are kept: going back to
 * shapes seen before costs a look-up. secateur_run() prepares by itself when the
 * shapes are new; calling this first gives the outputs' shapes and moves the
 * allocation out of the run. */
SECATEUR_API SecateurStatus secateur_prepare(SecateurContext *context, const SecateurTensor *inputs,
                                             int32_t inputCount);

/* Shape of an output for the shapes prepared or run last: rank and `rank` dims.
 * Dims of a data-dependent output are SECATEUR_DYNAMIC until a run. `dims` has room
 * for SECATEUR_MAX_RANK entries. */
SECATEUR_API SecateurStatus secateur_output_shape(SecateurContext *context, int32_t index,
                                                  int32_t *rank, int64_t *dims);

/* Bytes that the output needs for the shapes prepared or run last; 0 while it is
 * data-dependent and not run yet. */
SECATEUR_API SecateurStatus secateur_output_bytes(SecateurContext *context, int32_t index,
                                                  size_t *bytes);

/* Runs the model. Each input and output is given once, by name or by position
 * (not a mixture). Allocates nothing for shapes seen before, except for values
 * whose size depends on data. A data-dependent output may have data == NULL: then
 * data and bytes are filled in, and the memory is the library's until the next
 * prepare, run or destroy of this context. If it has data but too little, the run
 * fails with SECATEUR_BAD_BUFFER after filling in dims, and the value can still be
 * had by secateur_output_data(). */
SECATEUR_API SecateurStatus secateur_run(SecateurContext *context, const SecateurTensor *inputs,
                                         int32_t inputCount, SecateurTensor *outputs,
                                         int32_t outputCount);

/* The value of a data-dependent output of the last run, with its shape; it lives
 * until the next prepare, run or destroy of this context. */
SECATEUR_API SecateurStatus secateur_output_data(SecateurContext *context, int32_t index,
                                                 SecateurTensor *output);

SECATEUR_API SecateurStatus secateur_memory(SecateurContext *context, SecateurMemory *memory);

/*--- Profile ---------------------------------------------------------------*/

/* What runs have spent on one step of the model since secateur_profile(). A step is
 * what the compiler made of a node of the model, or of several that it fused. */
typedef struct SecateurStep {
  const char *name; /* of the nodes, joined by " + " */
  double seconds;   /* wall time on the thread that runs the model */
  int64_t calls;
  int64_t flops; /* two for each multiplication and addition of products; others count none */
  int64_t bytes; /* operands read once and results written */
} SecateurStep;

/* Begins a new profile of this context's runs, or with 0 ends it. */
SECATEUR_API SecateurStatus secateur_profile(SecateurContext *context, int32_t enable);
SECATEUR_API int32_t secateur_step_count(const SecateurContext *context);
SECATEUR_API SecateurStatus secateur_step_info(SecateurContext *context, int32_t index,
                                               SecateurStep *step);

/*--- Shared threads --------------------------------------------------------*/

/* Starts a pool for `threads` threads, a caller's included (0 as in
 * secateur_set_threads()). It may be passed to contexts of any library of the same
 * ABI version; the library that made it must stay loaded. One context at a time
 * has the helpers; others that run meanwhile do their work alone. */
SECATEUR_API SecateurStatus secateur_pool_create(int32_t threads, SecateurPool **pool);
SECATEUR_API int32_t secateur_pool_threads(const SecateurPool *pool);
/* Gives up the caller's share; the threads stop with the last context using it. */
SECATEUR_API void secateur_pool_destroy(SecateurPool *pool);

/*--- The same, as a table for dlopen() -------------------------------------*/

typedef struct SecateurApi {
  uint32_t abiVersion; /* SECATEUR_ABI_VERSION of the library */
  uint32_t structSize; /* sizeof(SecateurApi) of the library  */
  const char *(*version)(void);
  const char *(*modelName)(void);
  const char *(*target)(void);
  const char *(*cpu)(void);
  const char *(*mathMode)(void);
  const char *(*statusName)(int32_t);
  const char *(*dtypeName)(int32_t);
  size_t (*dtypeSize)(int32_t);
  SecateurStatus (*create)(const SecateurOptions *, SecateurContext **);
  void (*destroy)(SecateurContext *);
  const char *(*lastError)(const SecateurContext *);
  SecateurStatus (*setThreads)(SecateurContext *, int32_t);
  int32_t (*threads)(const SecateurContext *);
  int32_t (*inputCount)(const SecateurContext *);
  int32_t (*outputCount)(const SecateurContext *);
  SecateurStatus (*inputInfo)(SecateurContext *, int32_t, SecateurValueInfo *);
  SecateurStatus (*outputInfo)(SecateurContext *, int32_t, SecateurValueInfo *);
  int32_t (*inputIndex)(SecateurContext *, const char *);
  int32_t (*outputIndex)(SecateurContext *, const char *);
  SecateurStatus (*prepare)(SecateurContext *, const SecateurTensor *, int32_t);
  SecateurStatus (*outputShape)(SecateurContext *, int32_t, int32_t *, int64_t *);
  SecateurStatus (*outputBytes)(SecateurContext *, int32_t, size_t *);
  SecateurStatus (*run)(SecateurContext *, const SecateurTensor *, int32_t, SecateurTensor *,
                        int32_t);
  SecateurStatus (*outputData)(SecateurContext *, int32_t, SecateurTensor *);
  SecateurStatus (*memory)(SecateurContext *, SecateurMemory *);
  SecateurStatus (*poolCreate)(int32_t, SecateurPool **);
  int32_t (*poolThreads)(const SecateurPool *);
  void (*poolDestroy)(SecateurPool *);
  SecateurStatus (*profile)(SecateurContext *, int32_t);
  int32_t (*stepCount)(const SecateurContext *);
  SecateurStatus (*stepInfo)(SecateurContext *, int32_t, SecateurStep *);
} SecateurApi;

SECATEUR_API const SecateurApi *secateur_api(void);

#ifdef __cplusplus
}
#endif

#endif /* SECATEUR_H */
