"""One forward case of `simurgh bench` in ONNX Runtime: a JSON line with its median time. See bench/compare.py.

    onnxruntime_cpu.py "lstm 1L B64 T50 H256 forward"
"""
import re, sys
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from timing import report, timed

case = sys.argv[1]
kind, layers, batch, steps, size = re.match(r"(\w+) (\d)L B(\d+) T(\d+) H(\d+)", case).groups()
layers, batch, steps, size = int(layers), int(batch), int(steps), int(size)
random = np.random.default_rng(0)
uniform = lambda *shape: random.uniform(-(size**-0.5), size**-0.5, shape).astype("f4")
nodes, weights, x = [], [numpy_helper.from_array(np.array([1], dtype="i8"), "axis")], "x"
gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind]
for k in range(layers):
    for name, array in [("W", uniform(1, gates * size, size)), ("R", uniform(1, gates * size, size)), ("B", uniform(1, 2 * gates * size))]:
        weights.append(numpy_helper.from_array(array, f"{name}{k}"))
    # The reset gate after the product, as everywhere here.
    more = {"linear_before_reset": 1} if kind == "gru" else {}
    nodes.append(helper.make_node(kind.upper(), [x, f"W{k}", f"R{k}", f"B{k}"], [f"all{k}"], hidden_size=size, **more))
    nodes.append(helper.make_node("Squeeze", [f"all{k}", "axis"], [f"y{k}"]))
    x = f"y{k}"
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [steps, batch, size])
graph = helper.make_graph(nodes, "layers", [value("x")], [value(x)], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
data = random.standard_normal((steps, batch, size)).astype("f4")
report(case, "f32", timed(lambda: session.run(None, {"x": data})))
