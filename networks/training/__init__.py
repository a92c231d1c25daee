"""Training that can be stopped at any moment: losses, loop, checkpoints, runs."""

from .checkpoint import Checkpoint, read_checkpoint
from .configuration import Configuration
from .evaluation import EPSILONS, Evaluation, evaluate
from .loop import Training
from .losses import Hinge, Loss, MarginCrossEntropy, orthogonality_penalty, read_loss
from .record import Record, load_run, read_record
from .run import Stopped, Watch, train

__all__ = [
    "EPSILONS",
    "Checkpoint",
    "Configuration",
    "Evaluation",
    "Hinge",
    "Loss",
    "MarginCrossEntropy",
    "Record",
    "Stopped",
    "Training",
    "Watch",
    "evaluate",
    "load_run",
    "orthogonality_penalty",
    "read_checkpoint",
    "read_loss",
    "read_record",
    "train",
]
