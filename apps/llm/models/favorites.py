"""The models that a person wants to find first."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class FavoriteModel(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=264)  # `provider/model`, or an alias
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["user", "model"], name="favorite_model_once"),
        ]

    def __str__(self) -> str:
        return self.model
