"""Where Django finds the site of its admin, without looking for admin pages: workers need none."""

from django.contrib.admin.apps import SimpleAdminConfig


class AdminConfig(SimpleAdminConfig):
    default_site = "apps.accounts.site.AdminSite"
