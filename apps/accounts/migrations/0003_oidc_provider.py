import apps.accounts.models.oidc
import apps.core.crypto
import django.core.validators
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_roles_entry_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="OidcProvider",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=apps.accounts.models.oidc.new_oidc_provider_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "slug",
                    models.CharField(
                        max_length=32,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator("^[a-z0-9][a-z0-9-]{1,31}$")
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("icon", models.CharField(blank=True, max_length=32)),
                ("issuer", models.URLField(max_length=500)),
                ("allow_private", models.BooleanField(default=False)),
                ("client_id", models.CharField(max_length=255)),
                (
                    "client_secret",
                    apps.core.crypto.SealedField(blank=True, default="", editable=False),
                ),
                ("scopes", models.JSONField(default=apps.accounts.models.oidc.usual_scopes)),
                ("enabled", models.BooleanField(default=True)),
                ("trust_email", models.BooleanField(default=False)),
                ("allowed_domains", models.JSONField(default=list)),
                ("create_users", models.BooleanField(default=False)),
                (
                    "default_role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("member", "Member"),
                            ("viewer", "Viewer"),
                        ],
                        default="member",
                        max_length=8,
                    ),
                ),
                ("group_claim", models.CharField(default="groups", max_length=64)),
                ("group_role_map", models.JSONField(default=dict)),
                ("last_test_at", models.DateTimeField(editable=False, null=True)),
                ("last_test_ok", models.BooleanField(editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "ordering": ["slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("default_role__in", ["owner", "admin"]), _negated=True),
                        name="oidc_default_role_is_modest",
                    )
                ],
            },
        ),
    ]
