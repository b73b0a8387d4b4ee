"""The playground's two networks in PyTorch, as chapter 1 shows them: the tests' yardstick."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, depth, width, residual, norm=nn.BatchNorm1d):
        super().__init__()
        layer = lambda inputs: [nn.Linear(inputs, width, bias=False), norm(width)]  # noqa: E731
        self.first, self.residual = nn.Sequential(*layer(2), nn.ReLU()), residual
        blocks = [[*layer(width), nn.ReLU(), *layer(width)] for _ in range(depth // 2 - 1)]
        self.blocks = nn.ModuleList(nn.Sequential(*block) for block in blocks)
        self.last = nn.Linear(width, 2)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = F.relu(block(x) + x if self.residual else block(x))
        return self.last(x)


def train(net, points, labels, batches, rate, seen=lambda step, loss: None):
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 40, (400 - step) / 361)
    )
    for step, batch in enumerate(batches):
        loss = F.cross_entropy(net(points[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        seen(step, loss)
        optimizer.step()
        schedule.step()
    return (net(points).argmax(1) != labels).double().mean().item()
