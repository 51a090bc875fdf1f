/* Bytes from libFuzzer against compiled modules: Python is embedded, and the modules it imports are
 * Cython's C built with -fsanitize=fuzzer-no-link,address, so libFuzzer sees their edges and ASan
 * their memory. FUZZ_CALL names the function of tests.fuzz.compiled_calls that gets each input.
 *
 * The input is a view of memory of exactly its size: a byte past either end is reported. */
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static PyObject *call;

static void failed(void) {
    PyErr_Print();
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    Py_InitializeEx(0);
    PyObject *module = PyImport_ImportModule("tests.fuzz.compiled_calls");
    if (!module) failed();
    call = PyObject_GetAttrString(module, getenv("FUZZ_CALL"));
    if (!call) failed();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    char *exact = malloc(n ? n : 1);
    if (!exact) return 0;
    memcpy(exact, bytes, n);
    PyObject *view = PyMemoryView_FromMemory(exact, (Py_ssize_t)n, PyBUF_READ);
    PyObject *answer = view ? PyObject_CallOneArg(call, view) : NULL;
    if (!answer) failed();
    Py_DECREF(answer);
    Py_DECREF(view);
    free(exact);
    return 0;
}
